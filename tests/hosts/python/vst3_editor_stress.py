#!/usr/bin/env python3
"""What pluginval does with editors, in pedalboard: it is opened before any block, again, while blocks are processed, and while another
thread moves every parameter; the locale stays.

It prints one line and ends with 0 when all is well. It needs a display, and xdotool to see that a window is there. What a person does in
the window: src/desktop/editor_window.rs.
"""

import argparse
import gc
import locale
import subprocess
import threading
import time

import numpy as np

from vst3_bundle import load
from vst3_conformance import noise, randomise, require, require_audio
from vst3_host import process

RATE_HZ = 48_000
BLOCK = 128
BLOCKS_WHILE_OPEN = 100
OPENED_WHILE_MOVED = 3


def is_window_there():
    """Waits for it, for half a minute."""
    search = ["xdotool", "search", "--onlyvisible", "--name", "^Backline$"]
    end = time.monotonic() + 30
    # A search ends with an error, too, where a window goes that it has just found.
    while subprocess.run(search, timeout=30, check=False, capture_output=True).returncode != 0:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def show(plugin, is_enough):
    """Opens the editor, and closes it when its window is there and `is_enough` returns."""
    close, seen = threading.Event(), []

    def closer():
        try:
            seen.append(is_window_there())
            is_enough()
        finally:
            close.set()

    thread = threading.Thread(target=closer)
    thread.start()
    plugin.show_editor(close)
    thread.join()
    require(seen == [True], "no window was there")


def show_while_processing(plugin, moves):
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

    def move():
        own = np.random.default_rng(2)
        while not done.is_set():
            randomise(plugin, own)

    threads = [threading.Thread(target=target) for target in ([play, move] if moves else [play])]
    for thread in threads:
        thread.start()
    try:
        show(plugin, is_enough)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    whole = np.concatenate(heard, axis=1)
    # Moved parameters may silence it.
    require(np.isfinite(whole).all(), "not a number came out")
    if not moves:
        require_audio(whole, "while the editor was there")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    arguments = parser.parse_args()
    before = locale.setlocale(locale.LC_ALL)
    plugin = load(arguments.bundle)
    for _ in range(2):
        show(plugin, lambda: None)
    show_while_processing(plugin, moves=False)
    for _ in range(OPENED_WHILE_MOVED):
        show_while_processing(plugin, moves=True)
    require(locale.setlocale(locale.LC_ALL) == before, "the locale is another one")
    # A fault of the framework's threads shows when the last instance goes, or the process right after it.
    del plugin
    gc.collect()
    print(f"ok: the editor came {3 + OPENED_WHILE_MOVED} times")


if __name__ == "__main__":
    main()
