#!/usr/bin/env python3
"""Writes the two parts of "Backline Shuffle" and renders them to FLAC.

The piece is ours: nine bars in A minor at 100 beats a minute, written for the demo and the tests. Part A is the rhythm
section (drums, bass, electric piano), part B the front line (saxophone over strings). Each part is one stereo recording at
48 kHz, 16 bit, long enough for the 20 seconds that `cargo xtask demo` plays.

Needs: Debian packages fluidsynth and fluid-soundfont-gm. The rendered files are in the repository, so that only somebody
who changes the music has to run this:  python3 tests/hosts/music/compose.py
"""

import struct
import subprocess
import tempfile
from pathlib import Path

BEATS_PER_MINUTE = 100
TICKS_PER_BEAT = 480
BARS = 9
SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
HERE = Path(__file__).resolve().parent

# (root, chord tones above it) for each bar; MIDI note numbers, middle C is 60.
CHORDS = [
    (45, (55, 60, 64, 71)),  # Am9
    (50, (53, 57, 60, 64)),  # Dm9
    (43, (53, 57, 59, 64)),  # G13
    (48, (52, 55, 59, 62)),  # Cmaj9
    (41, (52, 57, 60, 64)),  # Fmaj7
    (47, (53, 57, 62, 65)),  # Bm7b5
    (40, (50, 56, 62, 67)),  # E7#9
    (45, (55, 60, 64, 71)),  # Am9
    (45, (52, 57, 60, 64)),  # Am, the end
]

# The tune: (beat counted from the start, MIDI note, beats held, velocity).
TUNE = [
    (0.5, 76, 0.5, 92), (1.0, 79, 0.5, 96), (1.5, 76, 0.5, 88), (2.0, 74, 1.0, 94), (3.5, 72, 0.5, 84),
    (4.0, 77, 1.5, 98), (5.5, 76, 0.5, 88), (6.0, 74, 0.5, 88), (6.5, 72, 0.5, 86), (7.0, 69, 1.0, 92),
    (8.0, 71, 0.75, 92), (9.0, 74, 0.75, 92), (10.0, 77, 1.0, 98), (11.0, 76, 0.5, 92), (11.5, 74, 0.5, 88),
    (12.0, 76, 2.0, 98), (14.5, 72, 0.5, 82), (15.0, 74, 0.5, 86), (15.5, 76, 0.5, 90),
    (16.0, 81, 1.5, 104), (17.5, 79, 0.5, 94), (18.0, 76, 1.0, 94), (19.0, 72, 1.0, 90),
    (20.0, 74, 0.5, 92), (20.5, 77, 0.5, 94), (21.0, 81, 1.0, 102), (22.0, 80, 0.5, 98), (22.5, 77, 0.5, 92),
    (23.0, 74, 1.0, 90), (24.0, 76, 0.5, 94), (24.5, 80, 0.5, 98), (25.0, 83, 1.0, 106), (26.0, 82, 0.5, 98),
    (26.5, 79, 0.5, 94), (27.0, 76, 1.0, 92), (28.0, 81, 2.0, 104), (30.0, 79, 0.5, 92), (30.5, 76, 0.5, 90),
    (31.0, 74, 0.5, 88), (31.5, 72, 0.5, 86), (32.0, 69, 3.5, 96),
]


def ticks(beats):
    return round(beats * TICKS_PER_BEAT)


def note(events, channel, beat, key, held_beats, velocity):
    events.append((ticks(beat), bytes([0x90 | channel, key, velocity])))
    events.append((ticks(beat + held_beats * 0.95), bytes([0x80 | channel, key, 0])))


def drums(events):
    """A swung ride pattern with kick, snare and a fill at the end; General MIDI keys on channel 10."""
    for bar in range(BARS - 1):
        start = bar * 4
        for beat in range(4):
            note(events, 9, start + beat, 42, 0.2, 70 if beat % 2 else 54)
            note(events, 9, start + beat + 2 / 3, 42, 0.2, 40)
        for beat in (0, 2.5 if bar % 2 else 2):
            note(events, 9, start + beat, 36, 0.3, 104)
        for beat in (1, 3):
            note(events, 9, start + beat, 38, 0.3, 92)
        if bar % 4 == 3:
            for step, key in enumerate((48, 48, 45, 43)):
                note(events, 9, start + 3 + step / 4, key, 0.2, 84 + 5 * step)
    note(events, 9, (BARS - 1) * 4, 49, 2.0, 88)
    note(events, 9, (BARS - 1) * 4, 36, 0.5, 110)


def bass(events):
    """Root, fifth, octave and a step towards the next root in each bar."""
    for bar, (root, _) in enumerate(CHORDS):
        start = bar * 4
        if bar == BARS - 1:
            note(events, 0, start, root - 12, 3.5, 100)
            return
        following = CHORDS[bar + 1][0]
        low = root - 12 if root > 44 else root
        walk = [(0, low, 1.0), (1, low + 7, 0.66), (5 / 3, low + 12, 0.34), (2, low + 10, 1.0)]
        for beat, key, held in walk:
            note(events, 0, start + beat, key, held, 96)
        step = 1 if following >= low else -1
        target = following - 12 if following > 44 else following
        note(events, 0, start + 3, target - step, 0.66, 90)


def piano(events):
    for bar, (_, tones) in enumerate(CHORDS):
        stabs = [(0, 3.5)] if bar == BARS - 1 else [(0, 1.2), (5 / 3, 0.3), (2 + 2 / 3, 0.9)]
        for beat, held in stabs:
            for key in tones:
                note(events, 1, bar * 4 + beat, key, held, 66)


def strings(events):
    for bar, (_, tones) in enumerate(CHORDS):
        for key in tones[1:]:
            note(events, 1, bar * 4, key, 4.0, 46)


def lead(events):
    for beat, key, held, velocity in TUNE:
        note(events, 0, beat, key, held, velocity)


def variable_length(value):
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | (value & 0x7F))
    return bytes(reversed(out))


def midi_file(programs, write_parts):
    """One track: tempo, a program and a pan for each channel, then the notes in order of time."""
    events = []
    for part in write_parts:
        part(events)
    microseconds = 60_000_000 // BEATS_PER_MINUTE
    head = [(0, b"\xff\x51\x03" + microseconds.to_bytes(3, "big"))]
    for channel, program, pan in programs:
        head.append((0, bytes([0xC0 | channel, program])))
        head.append((0, bytes([0xB0 | channel, 10, pan])))
    body, last = b"", 0
    # At equal times a note ends before another begins.
    for at, message in head + sorted(events, key=lambda e: (e[0], e[1][0] & 0x10)):
        body += variable_length(at - last) + message
        last = at
    body += variable_length(TICKS_PER_BEAT) + b"\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS_PER_BEAT)
    return header + b"MTrk" + struct.pack(">I", len(body)) + body


def render(name, midi):
    """Through fluidsynth without chorus, with a little reverb, as 48 kHz 16-bit stereo."""
    with tempfile.NamedTemporaryFile(suffix=".mid") as file:
        file.write(midi)
        file.flush()
        target = HERE / f"{name}.flac"
        command = ["fluidsynth", "-ni", "-q", "-C", "0", "-R", "1", "-g", "0.6", "-r", "48000"]
        command += ["-o", "audio.file.format=s16", "-T", "flac", "-F", str(target), str(SOUND_FONT), file.name]
        subprocess.run(command, check=True)
        print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    # Channel, General MIDI program (from 0), pan (64 is the centre).
    render("part-a", midi_file([(0, 33, 64), (1, 4, 44), (9, 0, 64)], [drums, bass, piano]))
    render("part-b", midi_file([(0, 65, 76), (1, 48, 54)], [lead, strings]))
