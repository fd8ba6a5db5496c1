use super::*;
use crate::plugin::Backline;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

type Queue = Arc<dyn Fn(FenceTask) + Send + Sync>;

fn fence_on(queue: Queue) -> Fence<Backline> {
    let mut fence = Fence::default();
    fence.connect(AsyncExecutor::new(queue.clone(), queue));
    fence
}

#[test]
fn without_a_queue_there_is_nothing_to_wait_for() {
    assert!(Fence::<Backline>::default().wait());
}

#[test]
fn what_was_queued_before_has_run_when_the_wait_is_over() {
    let done = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = std::sync::mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let thread = std::thread::spawn(move || receiver.into_iter().for_each(|task| task()));
    for _ in 0..100 {
        let done = done.clone();
        sender
            .send(Box::new(move || {
                done.fetch_add(1, Ordering::SeqCst);
            }))
            .unwrap();
    }
    let queue = Mutex::new(sender);
    let fence = fence_on(Arc::new(move |task| queue.lock().unwrap().send(Box::new(|| task.run())).unwrap()));
    assert!(fence.wait());
    assert_eq!(done.load(Ordering::SeqCst), 100);
    drop(fence);
    thread.join().unwrap();
}

#[test]
fn a_full_or_dead_queue_is_not_waited_for() {
    let started = Instant::now();
    assert!(!fence_on(Arc::new(drop)).wait());
    assert!(started.elapsed() < WAIT_MAX, "it is known at once");
}

#[test]
fn a_queue_that_stands_still_is_waited_for_only_so_long() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let queue = {
        let held = held.clone();
        move |task| held.lock().unwrap().push(task)
    };
    assert!(!fence_on(Arc::new(queue)).wait());
    // The late task finds nobody and minds it not.
    held.lock().unwrap().drain(..).for_each(FenceTask::run);
}
