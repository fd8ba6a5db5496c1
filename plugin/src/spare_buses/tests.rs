use super::*;

const FRAMES: usize = 64;

/// A host's block: each bus has its own channels, or none.
struct Host {
    channels: Vec<Vec<Vec<f32>>>,
    pointers: Vec<Vec<*mut f32>>,
    buses: Vec<AudioBusBuffers>,
}

impl Host {
    fn new(buses: &[usize]) -> Self {
        let mut channels: Vec<Vec<Vec<f32>>> =
            buses.iter().map(|count| vec![vec![0.5; FRAMES]; *count]).collect();
        let mut pointers: Vec<Vec<*mut f32>> =
            channels.iter_mut().map(|bus| bus.iter_mut().map(Vec::as_mut_ptr).collect()).collect();
        let describe = |pointers: &mut Vec<*mut f32>| AudioBusBuffers {
            numChannels: pointers.len() as i32,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 {
                channelBuffers32: if pointers.is_empty() {
                    std::ptr::null_mut()
                } else {
                    pointers.as_mut_ptr()
                },
            },
        };
        let buses = pointers.iter_mut().map(describe).collect();
        Self { channels, pointers, buses }
    }

    fn data(inputs: &mut Host, outputs: &mut Host) -> ProcessData {
        // SAFETY: all zeros is a `ProcessData` without buses, events and context.
        let mut data: ProcessData = unsafe { std::mem::zeroed() };
        data.numSamples = FRAMES as i32;
        (data.inputs, data.numInputs) = (inputs.buses.as_mut_ptr(), inputs.buses.len() as i32);
        (data.outputs, data.numOutputs) = (outputs.buses.as_mut_ptr(), outputs.buses.len() as i32);
        data
    }
}

/// What the plugin is given on a bus.
fn given(list: *mut AudioBusBuffers, bus: usize) -> Vec<*mut f32> {
    // SAFETY: the list was just made and is as long as the layout.
    unsafe {
        let bus = *list.add(bus);
        std::slice::from_raw_parts(bus.__field0.channelBuffers32, bus.numChannels as usize).to_vec()
    }
}

#[test]
fn every_subset_of_buses_becomes_whole_and_the_hosts_own_stay() {
    let mut spare = SpareBuses::new(&[2], &[2; 9], FRAMES);
    for subset in 0..1_usize << 9 {
        let shape: Vec<usize> = (0..9).map(|bus| if subset >> bus & 1 == 1 { 2 } else { 0 }).collect();
        let (mut inputs, mut outputs) = (Host::new(&[2]), Host::new(&shape));
        let mut data = Host::data(&mut inputs, &mut outputs);
        // SAFETY: the host's lists are as long as they say.
        let absent = nice_assert_no_alloc::assert_no_alloc(|| unsafe { spare.complete(&mut data) });
        assert_eq!(absent, !(subset >> 1) as u16 & 0xff, "subset {subset:b}");
        assert_eq!((data.numInputs, data.numOutputs), (1, 9));
        let mut seen = std::collections::BTreeSet::new();
        for (bus, is_given) in shape.iter().map(|channels| *channels == 2).enumerate() {
            let channels = given(data.outputs, bus);
            assert_eq!(channels.len(), 2);
            assert!(channels.iter().all(|channel| seen.insert(*channel)), "memory twice in {subset:b}");
            if is_given {
                assert_eq!(channels, outputs.pointers[bus]);
            }
        }
        assert_eq!(given(data.inputs, 0), inputs.pointers[0]);
        assert!(
            outputs.channels.iter().flatten().flatten().all(|sample| *sample == 0.5),
            "not ours to write"
        );
    }
}

#[test]
fn a_missing_input_is_silent_also_after_it_was_written_to() {
    let mut spare = SpareBuses::new(&[2], &[2], FRAMES);
    for _ in 0..2 {
        let (mut inputs, mut outputs) = (Host::new(&[0]), Host::new(&[2]));
        let mut data = Host::data(&mut inputs, &mut outputs);
        // SAFETY: the host's lists are as long as they say.
        unsafe { spare.complete(&mut data) };
        for channel in given(data.inputs, 0) {
            // SAFETY: a channel of the spare bus, which has room for the block.
            let channel = unsafe { std::slice::from_raw_parts_mut(channel, FRAMES) };
            assert!(channel.iter().all(|sample| *sample == 0.0));
            channel.fill(1.0);
        }
    }
}

#[test]
fn lists_that_are_short_or_missing_and_channels_without_memory_are_made_whole() {
    let mut spare = SpareBuses::new(&[1], &[2, 2, 2], FRAMES);
    let (mut inputs, mut outputs) = (Host::new(&[]), Host::new(&[2, 2]));
    outputs.pointers[1][1] = std::ptr::null_mut();
    let mut data = Host::data(&mut inputs, &mut outputs);
    data.inputs = std::ptr::null_mut();
    data.numInputs = 7;
    // SAFETY: the host's lists are as long as they say, or null.
    assert_eq!(unsafe { spare.complete(&mut data) }, 0b11);
    assert_eq!((data.numInputs, data.numOutputs), (1, 3));
    assert_eq!(given(data.inputs, 0).len(), 1);
    assert!((0..3).flat_map(|bus| given(data.outputs, bus)).all(|channel| !channel.is_null()));
}

#[test]
fn channels_beyond_the_layout_are_not_handed_on() {
    let mut spare = SpareBuses::new(&[], &[2], FRAMES);
    let (mut inputs, mut outputs) = (Host::new(&[]), Host::new(&[4]));
    let mut data = Host::data(&mut inputs, &mut outputs);
    // SAFETY: the host's lists are as long as they say.
    unsafe { spare.complete(&mut data) };
    assert_eq!(given(data.outputs, 0), outputs.pointers[0][..2]);
}

#[test]
fn blocks_without_length_and_beyond_all_measure_are_left_alone() {
    let spare = SpareBuses::<AudioBusBuffers>::new(&[2], &[2], 16);
    assert!(spare.fits(1) && spare.fits(8192));
    assert!(!spare.fits(0) && !spare.fits(-1) && !spare.fits(8193));
}
