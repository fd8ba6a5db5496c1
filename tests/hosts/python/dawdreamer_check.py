#!/usr/bin/env python3
"""The plugin in a second VST3 host: dawdreamer, which activates all buses and renders a graph.

It renders faster than real time, so that silence must come back, whatever the tempo does; parameters must be there and move; the
state must survive; nothing may be late.
Prints one line and ends with 0 when all is well.

    dawdreamer_check.py --bundle PATH
"""

import argparse
import sys
import tempfile
from pathlib import Path

import dawdreamer
import numpy as np


PPQN = 960


def require(condition, message):
    if not condition:
        sys.exit(message)


def gain_index(plugin):
    for parameter in plugin.get_parameters_description():
        if parameter["name"].lower() == "send gain":
            return parameter["index"]
    sys.exit("there is no parameter Send Gain")


def render(rate, block, bundle, state):
    engine = dawdreamer.RenderEngine(rate, block)
    noise = np.random.default_rng(4).standard_normal((2, rate)).astype(np.float32) * 0.1
    source = engine.make_playback_processor("noise", noise)
    plugin = engine.make_plugin_processor("backline", bundle)
    index = gain_index(plugin)
    engine.load_graph([(source, []), (plugin, ["noise"])])
    # JUCE hands parameter changes over with the next block: one must run before the state has them.
    plugin.set_parameter(index, 0.25)
    engine.render(0.1)
    plugin.save_state(str(state))
    plugin.set_parameter(index, 0.75)
    engine.render(0.1)
    plugin.load_state(str(state))
    require(abs(plugin.get_parameter(index) - 0.25) < 0.01, f"Send Gain is {plugin.get_parameter(index)} after loading 0.25")
    require(plugin.get_latency_samples() == 0, f"{plugin.get_latency_samples()} samples late")
    # From 90 to 180 beats a minute, jumping at each beat; then steady, from the beginning of the song again.
    engine.set_bpm(np.tile(np.float32([90, 180, 120.5]), 4).repeat(PPQN), ppqn=PPQN)
    engine.render(1.0)
    require(np.abs(engine.get_audio()).max() == 0.0, "something came back while the tempo moved")
    engine.set_bpm(120)
    engine.render(1.0)
    out = engine.get_audio()
    require(np.isfinite(out).all(), "not a number came out")
    require(np.abs(out).max() == 0.0, f"{np.abs(out).max()} came back in an offline render")
    # The processor lives no longer than its engine.
    return plugin.get_num_input_channels(), plugin.get_num_output_channels()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    bundle = parser.parse_args().bundle
    with tempfile.TemporaryDirectory() as folder:
        for rate in (44_100, 48_000, 96_000):
            for block in (64, 512, 8192):
                channels = render(rate, block, bundle, Path(folder) / "state")
                require(channels == (2, 2), f"{channels} inputs and outputs instead of 2 and 2")
    print("ok: dawdreamer renders at 3 rates with 3 block sizes, moves parameters, keeps the state, is never late")


if __name__ == "__main__":
    main()
