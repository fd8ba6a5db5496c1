#!/usr/bin/env python3
"""What pluginval does with editors, in pedalboard: it is opened before any block, again, and while blocks are processed; the locale stays.

It prints one line and ends with 0 when all is well. It needs a display, and xdotool to see that a window is there. What a person does in
the window: src/desktop/editor_window.rs.
"""

import argparse
import locale
import subprocess
import threading

import numpy as np

from vst3_bundle import load
from vst3_conformance import noise, require, require_audio
from vst3_host import process

RATE_HZ = 48_000
BLOCK = 128
BLOCKS_WHILE_OPEN = 100


def show(plugin, is_enough):
    """Opens the editor, and closes it when its window is there and `is_enough` returns."""
    close, seen = threading.Event(), []

    def closer():
        try:
            search = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "^Backline$"]
            seen.append(subprocess.run(search, timeout=30, check=False, capture_output=True).returncode == 0)
            is_enough()
        finally:
            close.set()

    thread = threading.Thread(target=closer)
    thread.start()
    plugin.show_editor(close)
    thread.join()
    require(seen == [True], "no window was there")


def show_while_processing(plugin):
    random = np.random.default_rng(1)
    # The first call activates the plugin, and JUCE wants that on the thread of the window.
    process(plugin, noise(random, BLOCK), RATE_HZ, reset=True)
    done, counted = threading.Event(), threading.Semaphore(0)
    heard = []

    def play():
        while not done.is_set():
            heard.append(process(plugin, noise(random, BLOCK), RATE_HZ))
            counted.release()

    def is_enough():
        for _ in range(BLOCKS_WHILE_OPEN):
            require(counted.acquire(timeout=30), "no more blocks are processed")

    player = threading.Thread(target=play)
    player.start()
    try:
        show(plugin, is_enough)
    finally:
        done.set()
        player.join()
    require_audio(np.concatenate(heard, axis=1), "while the editor was there")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    arguments = parser.parse_args()
    before = locale.setlocale(locale.LC_ALL)
    plugin = load(arguments.bundle)
    for _ in range(2):
        show(plugin, lambda: None)
    show_while_processing(plugin)
    require(locale.setlocale(locale.LC_ALL) == before, "the locale is another one")
    print("ok: the editor came three times")


if __name__ == "__main__":
    main()
