//! What a window shows, as pixels that a test can ask about.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::editor_look::{Colour, Place, Point};
use crate::error::HostError;

/// A picture; rows from the top, three bytes a pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
}

impl Picture {
    /// Reads a binary PPM with 8 bits a channel, as ImageMagick writes it.
    pub fn from_ppm(bytes: &[u8]) -> Result<Self, HostError> {
        let broken = || HostError::host("import", "wrote no picture that can be read (binary PPM, 8 bits)");
        let mut rest = bytes;
        let mut word = || {
            let end = rest.iter().position(u8::is_ascii_whitespace)?;
            let text = std::str::from_utf8(&rest[..end]).ok()?;
            rest = &rest[end + 1..];
            Some(text)
        };
        let [Some("P6"), Some(width), Some(height), Some("255")] = [word(), word(), word(), word()] else {
            return Err(broken());
        };
        let (Ok(width), Ok(height)) = (width.parse::<usize>(), height.parse::<usize>()) else {
            return Err(broken());
        };
        let pixels: Vec<Colour> = rest.as_chunks::<3>().0.iter().map(|rgb| Colour(*rgb)).collect();
        let complete = width.checked_mul(height) == Some(pixels.len());
        if complete { Ok(Self { width, height, pixels }) } else { Err(broken()) }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The colour at a point; none outside.
    pub fn at(&self, point: Point) -> Option<Colour> {
        let (x, y) = (usize::try_from(point.x).ok()?, usize::try_from(point.y).ok()?);
        (x < self.width).then(|| self.pixels.get(y * self.width + x).copied()).flatten()
    }

    /// How many different colours there are; a blank window has one.
    pub fn distinct_colours(&self) -> usize {
        let mut colours = self.pixels.clone();
        colours.sort_unstable();
        colours.dedup();
        colours.len()
    }

    /// How many pixels have about this colour.
    pub fn count_of(&self, colour: Colour) -> usize {
        self.pixels.iter().filter(|pixel| pixel.is_about(colour)).count()
    }

    /// The part of a place, 0 to 1, whose pixels are not the same in both pictures.
    pub fn difference(&self, other: &Self, place: Place) -> f64 {
        let points = place.points();
        let (mut different, mut all) = (0_u32, 0_u32);
        for point in points {
            all += 1;
            different += u32::from(self.at(point) != other.at(point));
        }
        f64::from(different) / f64::from(all.max(1))
    }

    /// Writes it as PNG.
    pub fn save(&self, path: &Path) -> Result<(), HostError> {
        let failed = |why: &dyn std::fmt::Display| HostError::file(path, why.to_string());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        let mut child = Command::new("convert")
            .arg("ppm:-")
            .args(["-strip", "-define", "png:compression-level=9"])
            .arg(format!("png:{}", path.display()))
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&format!("convert (Debian package imagemagick): {error}")))?;
        if let Some(mut words) = child.stdin.take() {
            let mut bytes = format!("P6 {} {} 255\n", self.width, self.height).into_bytes();
            bytes.extend(self.pixels.iter().flat_map(|pixel| pixel.0));
            words.write_all(&bytes).map_err(|error| failed(&error))?;
        }
        match child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(&format!("convert ended with {status}"))),
            Err(error) => Err(failed(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_BY_ONE: &[u8] = b"P6\n2 1\n255\n\x00\x01\x02\xf4\xae\x3d";

    fn picture(bytes: &[u8]) -> Option<Picture> {
        Picture::from_ppm(bytes).ok()
    }

    #[test]
    fn a_picture_is_read() {
        let colour = picture(TWO_BY_ONE).and_then(|picture| picture.at(Point { x: 1, y: 0 }));
        assert_eq!(colour, Some(Colour([0xF4, 0xAE, 0x3D])));
    }

    #[test]
    fn a_point_outside_has_no_colour() {
        for (x, y) in [(2, 0), (0, 1), (-1, 0)] {
            assert_eq!(picture(TWO_BY_ONE).and_then(|picture| picture.at(Point { x, y })), None);
        }
    }

    #[test]
    fn what_is_no_picture_is_an_error() {
        for bytes in [&b""[..], b"P6\n", b"P5\n2 1\n255\nxxxxxx", b"P6\n2 1\n255\nxxxxx", b"P6\n9 9\n255\nx"]
        {
            assert!(picture(bytes).is_none());
        }
    }
}
