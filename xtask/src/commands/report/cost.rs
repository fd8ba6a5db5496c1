//! Bar 9: what the playout of a stereo source costs, from the benchmarks: time (`playout`) and instructions
//! (`playout_instructions`, under Callgrind).

use anyhow::Result;
use serde_json::Value;

use super::{bench, lines};
use crate::bars::{Bar, Bars, Limit};
use crate::needs::{self, Install, Purpose};

/// Where the benchmarks are.
const PACKAGE: &str = "backline-benches";
/// Sample frames that a benchmark of instructions plays.
const COUNTED_FRAMES: f64 = 4800.0;
/// Names of its cases, and what they are called.
const COUNTED: [(&str, &str); 4] = [
    ("pcm_rest", "PCM 1.25 ms, block 64, no drift"),
    ("pcm_drift", "PCM 1.25 ms, block 64, resampled by 300 ppm"),
    ("opus_rest", "Opus 2.5 ms, block 64, no drift"),
    ("opus_drift", "Opus 2.5 ms, block 64, resampled by 300 ppm"),
];

/// Measures both.
pub fn measure(bars: &mut Bars, install: &Install) {
    eprintln!("benchmark of the playout");
    match bench::output(PACKAGE, "playout", "--json") {
        Ok(output) => output.lines().filter_map(lines::read).for_each(|bar| bars.push(bar)),
        Err(error) => {
            let why = format!("{error:#}");
            bars.push(Bar::unmeasured("9.time", "cost of the playout", "ns/frame", Limit::None, why));
        }
    }
    eprintln!("instructions of the playout, under Callgrind");
    let counted = count(install).map_err(|error| format!("{error:#}"));
    for (case, name) in COUNTED {
        let id = format!("9.instructions.{case}");
        let what = format!("{name}: insert to pull, one source");
        let figure = counted.as_ref().map_err(Clone::clone).and_then(|output| {
            instructions(output, case).ok_or_else(|| "the benchmark printed no such case".to_owned())
        });
        bars.push(match figure {
            Ok(figure) => Bar::new(&id, what, figure / COUNTED_FRAMES, "instr/frame", Limit::None),
            Err(why) => lines::unmeasured(&id, &what, "instr/frame", Limit::None, &why),
        });
    }
}

fn count(install: &Install) -> Result<String> {
    install.ensure(&[Purpose::Counting])?;
    needs::ensure_gungraun_runner(install)?;
    bench::output(PACKAGE, "playout_instructions", "--output-format=json")
}

/// Instructions of one case in gungraun's summaries, one JSON object a line.
fn instructions(output: &str, case: &str) -> Option<f64> {
    let summaries = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let summary = summaries.into_iter().find(|summary| summary["id"] == case)?;
    summary.pointer("/profiles/0/data/total/metrics/Ir/values/new")?.as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gungraun_s_summaries_are_read() {
        let output = concat!(
            r#"{"id":"pcm_rest","profiles":[{"data":{"total":{"metrics":{"Ir":{"values":{"new":335761}}}}}}]}"#,
            "\n",
            r#"{"id":"opus_rest","profiles":[{"data":{"total":{"metrics":{"Ir":{"values":{"new":9,"old":8}}}}}}]}"#,
        );
        assert_eq!(instructions(output, "pcm_rest"), Some(335_761.0));
        assert_eq!(instructions(output, "opus_rest"), Some(9.0));
        assert_eq!(instructions(output, "pcm_drift"), None);
    }
}
