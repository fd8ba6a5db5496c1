//! The pictures in `docs/images`: read, written, and told from what the editor shows now.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use crate::raster::Picture;

/// Colours of a kept picture; the nearest ones stand in for the others.
const COLOURS: usize = 256;

/// Where the pictures are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images")
}

/// Writes a picture with a palette of its own.
pub fn write(path: &Path, picture: &Picture) -> Result<(), png::EncodingError> {
    let palette = palette(picture);
    let mut encoder =
        png::Encoder::new(BufWriter::new(File::create(path)?), picture.width as u32, picture.height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut nearest = BTreeMap::new();
    let indices: Vec<u8> = picture
        .pixels
        .iter()
        .map(|pixel| *nearest.entry(*pixel).or_insert_with(|| nearest_to(&palette, *pixel)))
        .collect();
    encoder.write_header()?.write_image_data(&indices)
}

/// Reads a kept picture; none where there is none.
pub fn read(path: &Path) -> Option<Picture> {
    let mut decoder = png::Decoder::new(BufReader::new(File::open(path).ok()?));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().ok()?;
    let mut bytes = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut bytes).ok()?;
    let pixels = bytes[..info.buffer_size()].chunks_exact(3).map(|dot| [dot[0], dot[1], dot[2]]).collect();
    Some(Picture { width: info.width as usize, height: info.height as usize, pixels })
}

/// The share of pixels, 0 to 1, that differ by more than `tolerance` in a colour; all where the sizes do.
pub fn difference(one: &Picture, other: &Picture, tolerance: u8) -> f64 {
    if (one.width, one.height) != (other.width, other.height) {
        return 1.0;
    }
    let differs = |(one, other): &(&[u8; 3], &[u8; 3])| {
        one.iter().zip(*other).any(|(one, other)| one.abs_diff(*other) > tolerance)
    };
    let count = one.pixels.iter().zip(&other.pixels).filter(differs).count();
    count as f64 / one.pixels.len() as f64
}

/// As few colours as stand for all: the boxes of colours are cut in the middle of their longest side, the largest first.
fn palette(picture: &Picture) -> Vec<[u8; 3]> {
    let mut counts = BTreeMap::<[u8; 3], u64>::new();
    for pixel in &picture.pixels {
        *counts.entry(*pixel).or_default() += 1;
    }
    let mut boxes = vec![counts.into_iter().collect::<Vec<_>>()];
    while boxes.len() < COLOURS {
        let weight = |colours: &[([u8; 3], u64)]| {
            let count: u64 = colours.iter().map(|(_, count)| count).sum();
            // Rare colours count too: a lamp is small.
            u64::from(spread(colours, longest(colours))).pow(2) * (count as f64).sqrt() as u64
        };
        let Some(largest) = (0..boxes.len()).max_by_key(|index| weight(&boxes[*index])) else { break };
        let part = longest(&boxes[largest]);
        if spread(&boxes[largest], part) == 0 {
            break;
        }
        let mut colours = boxes.swap_remove(largest);
        colours.sort_by_key(|(colour, _)| colour[part]);
        let (low, high) = (colours[0].0[part], colours[colours.len() - 1].0[part]);
        let middle = low + (high - low) / 2;
        let upper = colours.split_off(colours.partition_point(|(colour, _)| colour[part] <= middle));
        boxes.extend([colours, upper]);
    }
    boxes.iter().map(|colours| commonest(colours)).collect()
}

fn commonest(colours: &[([u8; 3], u64)]) -> [u8; 3] {
    colours.iter().max_by_key(|(_, count)| *count).map_or([0; 3], |(colour, _)| *colour)
}

fn longest(colours: &[([u8; 3], u64)]) -> usize {
    (0..3).max_by_key(|part| spread(colours, *part)).unwrap_or(0)
}

fn spread(colours: &[([u8; 3], u64)], part: usize) -> u8 {
    let parts = || colours.iter().map(|(colour, _)| colour[part]);
    parts().max().unwrap_or(0) - parts().min().unwrap_or(0)
}

fn nearest_to(palette: &[[u8; 3]], pixel: [u8; 3]) -> u8 {
    let distance = |colour: &[u8; 3]| -> u32 {
        colour.iter().zip(pixel).map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
    };
    let nearest = palette.iter().enumerate().min_by_key(|(_, colour)| distance(colour));
    nearest.map_or(0, |(index, _)| index as u8)
}
