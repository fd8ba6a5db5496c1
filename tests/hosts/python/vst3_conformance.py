"""What pluginval looks at, in pedalboard: parameters and their texts, states, rates and blocks, automation, threads, no input.

A part of vst3_host.py (`vst3_host.py conformance`). Not here: the editor (vst3_editor.py), allocations (the guard is in the
rtcheck bundle itself), blocks longer than announced and the rest of a plugin's interface (plugin/tests/vst3_interface.rs).
"""

import sys
import threading

import numpy as np

from vst3_bundle import load

RATES_HZ = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
BLOCKS = (64, 128, 256, 512, 1024)
SUB_BLOCK = 32


def require(condition, message):
    if not condition:
        sys.exit(message)


def require_audio(samples, where):
    """No value but those that are audio."""
    require(np.isfinite(samples).all(), f"{where}: not a number came out")
    magnitude = np.abs(samples)
    subnormal = (magnitude > 0) & (magnitude < np.finfo(np.float32).tiny)
    require(not subnormal.any(), f"{where}: {subnormal.sum()} subnormal samples came out")


def noise(random, frames):
    return random.uniform(-1, 1, (2, frames)).astype(np.float32)


def automatable(plugin):
    """JUCE's own view of the parameters that a host may move, without bypass."""
    found = [one for one in plugin._parameters if one.is_automatable and one.name != "Bypass"]
    require(len(found) >= 68, f"only {len(found)} parameters can be automated")
    return found


def values(plugin):
    return np.array([one.raw_value for one in automatable(plugin)])


def randomise(plugin, random, count=None):
    found = automatable(plugin)
    for one in found if count is None else random.choice(found, count):
        one.raw_value = float(random.random())


def check_parameters(plugin, random):
    names = [one.name for one in plugin._parameters]
    require(len(set(names)) == len(names), "two parameters have one name")
    for one in automatable(plugin):
        require(one.get_name(512) == one.name and one.name, f"{one.name!r} has another name at length 512")
        require(0 <= one.default_raw_value <= 1, f"{one.name}: the default is {one.default_raw_value}")
        require(abs(one.raw_value - one.default_raw_value) < 1e-6, f"{one.name} does not begin at its default")
        for value in [0.0, 1.0, *random.random(20)]:
            text = one.get_text_for_raw_value(float(value))
            back = one.get_raw_value_for_text(text)
            require(0 <= back <= 1, f"{one.name}: {text!r} is read as {back}")
            again = one.get_text_for_raw_value(back)
            require(again == text, f"{one.name}: {value} is {text!r}, read as {back}, which is {again!r}")
    for _ in range(5):
        randomise(plugin, random)
        require(((values(plugin) >= 0) & (values(plugin) <= 1)).all(), "a value is out of range")


def check_state(plugin, random):
    """The state that was set is the state that is there, to the byte, whether or not a block ran in between."""
    for blocks in (0, 1, 3):
        original = plugin.raw_state
        # The host's own copies of values are not snapped to steps before a state has been loaded.
        plugin.raw_state = original
        before = values(plugin)
        randomise(plugin, random)
        for _ in range(blocks):
            plugin.process(noise(random, 64), 48_000, buffer_size=64, reset=False)
        plugin.raw_state = original
        require(abs(values(plugin) - before).sum() < 0.1, f"after {blocks} blocks the values did not come back")
        require(plugin.raw_state == original, f"after {blocks} blocks the state is another one")
        plugin.process(noise(random, 64), 48_000, buffer_size=64, reset=False)
        require(plugin.raw_state == original, f"after {blocks} blocks and one more the state is another one")
        randomise(plugin, random)
        plugin.process(noise(random, 64), 48_000, buffer_size=64, reset=False)


def check_damaged_states(plugin, random):
    original = plugin.raw_state
    for turn in range(60):
        damaged = bytearray(original[: random.integers(1, len(original))] if turn % 2 else original)
        for _ in range(turn % 7):
            damaged[random.integers(0, len(damaged))] = random.integers(0, 256)
        try:
            plugin.raw_state = bytes(damaged)
        except (ValueError, RuntimeError):
            pass
        require_audio(plugin.process(noise(random, 64), 48_000, buffer_size=64, reset=False), "with a damaged state")
    plugin.raw_state = original


def check_shapes(plugin, random):
    """Prepared anew for each shape, and then without a release in between."""
    for reset in (True, False):
        for rate in RATES_HZ:
            for block in BLOCKS:
                out = plugin.process(noise(random, block * 10), rate, buffer_size=block, reset=reset)
                require(out.shape == (2, block * 10), f"{rate} Hz, block {block}: {out.shape} came out")
                require_audio(out, f"{rate} Hz, block {block}")
    silence = np.zeros((2, 48_000), dtype=np.float32)
    require_audio(plugin.process(silence, 48_000, buffer_size=512, reset=True), "without input")
    mono = noise(random, 4_800)[:1]
    require_audio(plugin.process(mono, 48_000, buffer_size=480, reset=True), "mono")


def check_automation(plugin, random):
    for rate in RATES_HZ:
        for block in BLOCKS:
            plugin.process(noise(random, block), rate, buffer_size=block, reset=True)
            for _ in range(block // SUB_BLOCK):
                randomise(plugin, random, 10)
                out = plugin.process(noise(random, SUB_BLOCK), rate, buffer_size=block, reset=False)
                require_audio(out, f"{rate} Hz, block {block}, automated")


def check_threads(plugin, random):
    """Two threads move every parameter while a third one processes, and this one saves the state."""
    done = threading.Event()
    faults, states = [], []

    def move(seed):
        own = np.random.default_rng(seed)
        while not done.is_set():
            randomise(plugin, own)

    def process():
        own = np.random.default_rng(99)
        blocks = 0
        # On a busy machine this thread may be done before the others have begun.
        while blocks < 500 or len(states) < 3:
            blocks += 1
            out = plugin.process(noise(own, SUB_BLOCK), 44_100, buffer_size=SUB_BLOCK, reset=False)
            if not np.isfinite(out).all():
                faults.append("not a number came out")
        done.set()

    plugin.process(noise(random, SUB_BLOCK), 44_100, buffer_size=SUB_BLOCK, reset=True)
    threads = [threading.Thread(target=move, args=(seed,)) for seed in (1, 2)] + [threading.Thread(target=process)]
    for thread in threads:
        thread.start()
    while not done.is_set():
        states.append(plugin.raw_state)
        done.wait(0.002)
    for thread in threads:
        thread.join()
    require(not faults, f"from several threads: {faults[:1]}")
    require(all(states), "a state that was saved meanwhile is empty")
    plugin.raw_state = states[-1]


def check_bypass(plugin, random):
    bypass = next(one for one in plugin._parameters if one.name == "Bypass")
    bypass.raw_value = 1.0
    music = noise(random, 48_000)
    out = plugin.process(music, 48_000, buffer_size=480, reset=True)
    require((out[:, -4_800:] == music[:, -4_800:]).all(), "bypassed, the track does not pass as it is")
    bypass.raw_value = 0.0


CHECKS = (check_parameters, check_state, check_damaged_states, check_shapes, check_automation, check_threads, check_bypass)


def conformance(arguments):
    """looks at what pluginval looks at, on a new instance for each check and then on one for all of them"""
    random = np.random.default_rng(arguments.seed)
    for check in CHECKS:
        check(load(arguments.bundle), random)
    for check in (check_parameters, check_state, check_damaged_states, check_bypass):
        check(load(arguments.bundle, "Backline Multi"), random)
    plugin = load(arguments.bundle)
    for check in CHECKS:
        if check is not check_parameters:
            check(plugin, random)
    print(f"ok: {len(CHECKS)} checks, seed {arguments.seed}")
