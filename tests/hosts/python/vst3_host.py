#!/usr/bin/env python3
"""A real VST3 host (JUCE, through pedalboard) for the tests and the demo.

    vst3_host.py play    plays a recording through the plugin on a real-time clock and records what comes back
    vst3_host.py cycles  creates, automates, processes and destroys the plugin again and again in this one process
    vst3_host.py state   saves the state, loads it into another instance and compares
    vst3_host.py shapes  processes at every rate and block size of the specification
    vst3_host.py classes loads every class of the bundle and processes with it, auxiliary outputs inactive
    vst3_host.py save    moves parameters of a class and writes its state as a .vstpreset, and the values as JSON
    vst3_host.py load_state  loads such a state, and writes the values that it brought
    vst3_host.py hurry   processes faster than real time: silence must come back
    vst3_host.py conformance  looks at what pluginval looks at (vst3_conformance.py)

`play` is the twin of src/bin/clap_host.rs: it prints "ready" once blocks are running, reads "play NANOSECONDS" (of
CLOCK_MONOTONIC), writes the WAV and the figures, and ends. Each other command prints one line and ends with 0 when all is well.
"""

import argparse
import ctypes
import gc
import json
import os
import sys
import threading
import time

import numpy as np
from pedalboard.io import AudioFile

from vst3_bundle import CLASSES, load, names
from vst3_conformance import conformance

RATES_HZ = (44_100, 48_000, 88_200, 96_000, 192_000)
BLOCKS = (1, 17, 64, 480, 512, 1024, 8192)


def monotonic_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def sleep_until(deadline_ns):
    """Python sleeps by clock_nanosleep on the same clock; what is past is not waited for."""
    remaining = deadline_ns - monotonic_ns()
    if remaining > 0:
        time.sleep(remaining * 1e-9)


def raise_priority():
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(70))
        return True
    except (PermissionError, OSError):
        return False


def lock_memory():
    """Keeps all memory of the process in place: a page fault in a callback is a late block. Where not permitted, nothing happens."""
    current_and_future = 3
    try:
        ctypes.CDLL(None).mlockall(current_and_future)
    except (OSError, AttributeError):
        pass


class Orders:
    """What standard input has said so far."""

    def __init__(self):
        self.begin_ns = 0
        self.abandoned = False
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in sys.stdin:
            if line.startswith("play "):
                self.begin_ns = int(line.split()[1])
        self.abandoned = True


def blocks_of_music(path, loop_frames, play_frames, block, count):
    """The recording as an array of blocks, each planar and contiguous, with silence after it."""
    with AudioFile(path) as file:
        music = file.read(min(loop_frames, file.frames))
    repeated = np.tile(music, (1, play_frames // music.shape[1] + 1))[:, :play_frames]
    padded = np.zeros((2, count * block), dtype=np.float32)
    padded[:, :play_frames] = repeated
    return np.ascontiguousarray(padded.reshape(2, count, block).transpose(1, 0, 2))


def play(arguments):
    block, rate = arguments.block, arguments.rate
    count = -(-(arguments.play_frames + arguments.tail_frames) // block)
    music = blocks_of_music(arguments.music, arguments.loop_frames, arguments.play_frames, block, count)
    heard = np.zeros_like(music)
    costs, lates = np.zeros(count), np.zeros(count)
    plugin = load(arguments.bundle, arguments.name)
    # JUCE prepares the plugin at the first call, for the block size of that call.
    silence = np.zeros((2, block), dtype=np.float32)
    process(plugin, silence, rate, reset=True)
    orders = Orders()
    gc.disable()
    lock_memory()
    realtime = raise_priority()
    period_ns = block * 1e9 / (rate * (1 + arguments.ppm * 1e-6))
    grid_ns = monotonic_ns() + 5_000_000
    tick, done, start_ns, others_before = 0, 0, 0, 0.0
    while done < count:
        due = grid_ns + round(tick * period_ns)
        tick += 1
        sleep_until(due)
        late = monotonic_ns() - due
        if not start_ns and orders.begin_ns and due >= orders.begin_ns:
            start_ns = due
            others_before = time.process_time() - time.thread_time()
        if not start_ns:
            process(plugin, silence, rate)
            if tick == 50:
                print("ready", flush=True)
            if orders.abandoned:
                sys.exit("abandoned")
            continue
        called = time.perf_counter()
        heard[done] = process(plugin, music[done], rate)
        costs[done] = time.perf_counter() - called
        lates[done] = late
        done += 1
    others = time.process_time() - time.thread_time() - others_before
    # Closes the stream as a host does before it saves; the plugin leaves the session while it is destroyed.
    del plugin
    gc.collect()
    write_heard(arguments, heard)
    write_figures(arguments, start_ns, costs, lates, others, realtime)


def process(plugin, block, rate, reset=False):
    """One block; an instrument gets its length only, as a time that rounding cannot make a sample frame shorter."""
    frames = block.shape[1]
    if plugin.is_instrument:
        return plugin.process([], (frames + 0.25) / rate, rate, 2, buffer_size=frames, reset=reset)
    return plugin.process(block, rate, buffer_size=frames, reset=reset)


def write_heard(arguments, heard):
    planar = heard.transpose(1, 0, 2).reshape(2, -1)
    with AudioFile(arguments.heard, "w", arguments.rate, 2, bit_depth=32) as file:
        file.write(planar)


def write_figures(arguments, start_ns, costs, lates, others, realtime):
    block_ns = arguments.block * 1e9 / arguments.rate
    figures = {
        "start_ns": start_ns,
        "blocks": len(costs),
        "process_us_median": float(np.median(costs) * 1e6),
        "process_us_p99": float(np.percentile(costs, 99) * 1e6),
        "process_us_max": float(costs.max() * 1e6),
        "process_s_total": float(costs.sum()),
        "late_us_median": float(np.median(lates) * 1e-3),
        "late_us_p99": float(np.percentile(lates, 99) * 1e-3),
        "late_us_max": float(lates.max() * 1e-3),
        "blocks_missed": int((lates > block_ns).sum()),
        "other_threads_s": others,
        "realtime": realtime,
    }
    with open(arguments.figures, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1)


def cycles(arguments):
    """Faults of a framework that shares a thread between instances show after some hundred of these."""
    noise = np.random.default_rng(1).standard_normal((2, 256)).astype(np.float32) * 0.1
    for turn in range(arguments.count):
        plugin = load(arguments.bundle)
        automate(plugin, turn)
        for _ in range(4):
            out = plugin.process(noise, 48_000, buffer_size=64, reset=False)
            require(np.isfinite(out).all(), f"cycle {turn}: not a number came out")
            automate(plugin, turn + 1)
        del plugin
        if turn % 100 == 99:
            print(f"{turn + 1} cycles", file=sys.stderr, flush=True)
    print(f"ok: {arguments.count} create/automate/process/destroy cycles in one process")


def automate(plugin, turn):
    # The host's own list: pedalboard's dictionary asks every parameter for a thousand texts, in every instance anew.
    parameters = [parameter for parameter in plugin._parameters if "Gain" in parameter.name or "Pan" in parameter.name]
    require(len(parameters) >= 34, f"only {len(parameters)} gains and pans among {len(plugin._parameters)} parameters")
    for offset in range(5):
        parameter = parameters[(turn * 5 + offset) % len(parameters)]
        parameter.raw_value = ((turn * 13 + offset * 7) % 101) / 100


def state(arguments):
    first, second = load(arguments.bundle), load(arguments.bundle)
    for index, (name, parameter) in enumerate(first.parameters.items()):
        if "gain" in name or "pan" in name:
            parameter.raw_value = (index % 10) / 10
    block = np.zeros((2, 64), dtype=np.float32)
    first.process(block, 48_000, buffer_size=64, reset=False)
    second.raw_state = first.raw_state
    second.process(block, 48_000, buffer_size=64, reset=False)
    # The host's own copy of a value is not snapped to the parameter's step (0.1 dB); the plugin's is.
    different = [
        name
        for name, parameter in first.parameters.items()
        if abs(parameter.raw_value - second.parameters[name].raw_value) > 0.01
    ]
    require(not different, f"after loading the state these differ: {different}")
    print(f"ok: {len(first.parameters)} parameters came back from the saved state")


def shapes(arguments):
    """Without a session: what comes back is silence (the monitor is off), at every rate and block size, also when they change."""
    plugin = load(arguments.bundle)
    random = np.random.default_rng(2)
    for rate in RATES_HZ:
        for block in BLOCKS:
            noise = random.standard_normal((2, max(block * 3, 256))).astype(np.float32) * 0.1
            out = plugin.process(noise, rate, buffer_size=block, reset=True)
            require(out.shape == noise.shape, f"{rate} Hz, block {block}: {out.shape} came out of {noise.shape}")
            require(np.isfinite(out).all(), f"{rate} Hz, block {block}: not a number came out")
    mono = plugin.process(np.zeros((1, 512), dtype=np.float32), 48_000, buffer_size=64, reset=True)
    require(np.isfinite(mono).all(), "mono: not a number came out")
    print(f"ok: {len(RATES_HZ)} rates with {len(BLOCKS)} block sizes, and mono")


def classes(arguments):
    """Every class is listed and processes; Multi with all auxiliary outputs inactive, the Return without input."""
    require(names(arguments.bundle) == CLASSES, f"the bundle lists {names(arguments.bundle)}")
    tone = np.full((2, 48_000), 0.25, dtype=np.float32)
    for name in ("Backline", "Backline Multi"):
        plugin = load(arguments.bundle, name)
        require(plugin.is_effect and not plugin.is_instrument, f"{name} is no effect")
        require(plugin.reported_latency_samples == 0, f"{name} says that it is {plugin.reported_latency_samples} samples late")
        gain = next(one for one in plugin._parameters if one.name == "Monitor Gain")
        gain.raw_value = gain.get_raw_value_for_text("0 dB")
        out = plugin.process(tone, 48_000, buffer_size=512, reset=True)
        require((out[:, -4_800:] == tone[:, -4_800:]).all(), f"{name} does not pass its own track")
        gain.raw_value = 0.0
        out = plugin.process(tone, 48_000, buffer_size=512, reset=False)
        require((out[:, -4_800:] == 0).all(), f"{name} passes its track although its monitor is off")
    plugin = load(arguments.bundle, "Backline Return")
    require(plugin.is_instrument and not plugin.is_effect, "Backline Return is no instrument")
    out = plugin.process([], duration=1, sample_rate=48_000, num_channels=2, buffer_size=512)
    require(out.shape == (2, 48_000) and (out == 0).all(), "Backline Return does not return silence")
    print(f"ok: {len(CLASSES)} classes process")


def texts(plugin):
    """What each parameter shows."""
    return {one.name: one.get_text_for_raw_value(one.raw_value) for one in plugin._parameters if one.is_automatable}


def run_a_block(plugin):
    # The host hands parameter changes over with the next block.
    process(plugin, np.zeros((2, 64), dtype=np.float32), 48_000)


def save(arguments):
    plugin = load(arguments.bundle, arguments.name)
    for index, one in enumerate(one for one in plugin._parameters if one.is_automatable and one.name != "Bypass"):
        # On the grid of every parameter, so that the host's own copy is the plugin's value.
        one.raw_value = one.get_raw_value_for_text(one.get_text_for_raw_value((index % 11) / 10))
    run_a_block(plugin)
    with open(arguments.state, "wb") as file:
        file.write(plugin.preset_data)
    with open(arguments.values, "w", encoding="utf-8") as file:
        json.dump(texts(plugin), file)
    print("ok: saved")


def load_state(arguments):
    plugin = load(arguments.bundle, arguments.name)
    with open(arguments.state, "rb") as file:
        plugin.preset_data = file.read()
    # A preset moves the plugin's values and not the host's own copies of them; a state moves both.
    plugin.raw_state = plugin.raw_state
    run_a_block(plugin)
    with open(arguments.values, "w", encoding="utf-8") as file:
        json.dump(texts(plugin), file)
    print("ok: loaded")


def hurry(arguments):
    """Ten seconds in one call, far faster than real time: silence must come back, not old network audio."""
    plugin = load(arguments.bundle)
    noise = np.random.default_rng(3).standard_normal((2, 480_000)).astype(np.float32) * 0.1
    began = time.perf_counter()
    out = plugin.process(noise, 48_000, buffer_size=512, reset=True)
    pace = 10 / (time.perf_counter() - began)
    require(np.abs(out).max() == 0.0, f"at {pace:.0f} times real time {np.abs(out).max()} came back")
    print(f"ok: silence at {pace:.0f} times real time")


def require(condition, message):
    if not condition:
        sys.exit(message)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for command in (play, cycles, state, shapes, classes, save, load_state, hurry, conformance):
        one = commands.add_parser(command.__name__, help=command.__doc__)
        one.set_defaults(run=command)
        one.add_argument("--bundle", required=True)
    one = commands.choices["cycles"]
    one.add_argument("--count", type=int, default=1000)
    for command in ("play", "save", "load_state"):
        commands.choices[command].add_argument("--name", choices=CLASSES, default=CLASSES[0])
    for command in ("save", "load_state"):
        one = commands.choices[command]
        one.add_argument("--state", required=True)
        one.add_argument("--values", required=True)
    one = commands.choices["conformance"]
    one.add_argument("--seed", type=int, default=1)
    one = commands.choices["play"]
    one.add_argument("--rate", type=int, default=48_000)
    one.add_argument("--block", type=int, default=64)
    one.add_argument("--ppm", type=float, default=0.0)
    for name in ("loop-frames", "play-frames", "tail-frames"):
        one.add_argument(f"--{name}", type=int, required=True)
    for name in ("music", "heard", "figures"):
        one.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
