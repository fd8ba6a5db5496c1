#!/usr/bin/env python3
"""A VST3 host (JUCE, through pedalboard) that shows the plugin's own editor while music runs through it.

It prints "ready" once blocks are running, and then opens the window. When standard input ends it closes the window and
ends. Who clicks in it: src/desktop/editor_window.rs.
"""

import argparse
import collections
import sys
import threading

import numpy as np
from pedalboard.io import AudioFile

from vst3_bundle import load
from vst3_host import blocks_of_music, monotonic_ns, raise_priority, sleep_until

RATE_HZ = 48_000
BLOCK = 256
HEARD_S = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--music", required=True)
    parser.add_argument("--loop-frames", type=int, required=True)
    parser.add_argument("--heard", required=True, help="where to write the last seconds that came out, as a WAV")
    arguments = parser.parse_args()
    blocks = arguments.loop_frames // BLOCK
    music = blocks_of_music(arguments.music, arguments.loop_frames, blocks * BLOCK, BLOCK, blocks)
    plugin = load(arguments.bundle)
    # The first call activates the plugin, and JUCE wants that on the thread of the window.
    plugin.process(np.zeros((2, BLOCK), dtype=np.float32), RATE_HZ, buffer_size=BLOCK, reset=True)
    close, running = threading.Event(), threading.Event()
    heard = collections.deque(maxlen=HEARD_S * RATE_HZ // BLOCK)
    audio = threading.Thread(target=play, args=(plugin, music, heard, close, running))
    audio.start()
    threading.Thread(target=wait_for_end, args=(close,), daemon=True).start()
    running.wait()
    print("ready", flush=True)
    try:
        plugin.show_editor(close)
    finally:
        close.set()
        audio.join()
        with AudioFile(arguments.heard, "w", RATE_HZ, num_channels=2, bit_depth=32) as file:
            file.write(np.concatenate(list(heard), axis=1))


def play(plugin, music, heard, close, running):
    """Calls the plugin on a clock, as a sound card would, until the window is to close."""
    raise_priority()
    begin_ns, tick = monotonic_ns(), 0
    while not close.is_set():
        sleep_until(begin_ns + tick * BLOCK * 1_000_000_000 // RATE_HZ)
        heard.append(plugin.process(music[tick % len(music)], RATE_HZ, buffer_size=BLOCK, reset=False))
        tick += 1
        if tick == 20:
            running.set()


def wait_for_end(close):
    sys.stdin.read()
    close.set()


if __name__ == "__main__":
    main()
