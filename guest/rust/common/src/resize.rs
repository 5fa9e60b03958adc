//! Changing a picture's size as the models' authors did: Pillow's BILINEAR, bit for bit.
//!
//! `image::imageops` has the same filter but rounds only once, at the end. That moves a pixel by a
//! level at most, and yet SqueezeNet's probabilities by a hundredth.

use image::RgbImage;

const CHANNELS: usize = 3;
/// Weights in fixed point: 8 bits of pixel, 22 of weight and 2 of headroom fill an i32.
const WEIGHT_BITS: u32 = 32 - 8 - 2;
const HALF: i32 = 1 << (WEIGHT_BITS - 1);

/// Which source pixels make one destination pixel, along one axis.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// The whole picture at `width` x `height`, none of which is 0: horizontally first, rounded to 8
/// bits, then vertically.
pub fn resize(source: &RgbImage, width: usize, height: usize) -> RgbImage {
    let (source_width, source_height) = (source.width() as usize, source.height() as usize);
    let stride = width * CHANNELS;

    let columns = triangle_taps(source_width, width);
    let mut narrow = Vec::with_capacity(stride * source_height);
    for row in source.as_raw().chunks_exact(source_width * CHANNELS) {
        for taps in &columns {
            let mut sums = [HALF; CHANNELS];
            let pixels = row[taps.first * CHANNELS..].chunks_exact(CHANNELS);
            for (pixel, weight) in pixels.zip(&taps.weights) {
                for (sum, &level) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(level) * weight;
                }
            }
            narrow.extend(sums.map(to_level));
        }
    }

    let mut out = Vec::with_capacity(stride * height);
    let mut sums = vec![HALF; stride];
    for taps in triangle_taps(source_height, height) {
        sums.fill(HALF);
        let rows = narrow[taps.first * stride..].chunks_exact(stride);
        for (row, weight) in rows.zip(&taps.weights) {
            for (sum, &level) in sums.iter_mut().zip(row) {
                *sum += i32::from(level) * weight;
            }
        }
        out.extend(sums.iter().copied().map(to_level));
    }
    RgbImage::from_raw(width as u32, height as u32, out).expect("every pixel was pushed")
}

/// A triangle that is as wide as two source pixels, or two destination pixels if those are larger.
fn triangle_taps(source_size: usize, size: usize) -> Vec<Taps> {
    let scale = source_size as f64 / size as f64;
    let support = scale.max(1.0);
    (0..size)
        .map(|i| {
            let center = (i as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let last = ((center + support + 0.5) as usize).min(source_size);
            let weights: Vec<f64> = (first..last)
                .map(|x| (1.0 - ((x as f64 - center + 0.5) / support).abs()).max(0.0))
                .collect();
            let sum: f64 = weights.iter().sum();
            let one = f64::from(1 << WEIGHT_BITS);
            let weights = weights.iter().map(|weight| (0.5 + weight / sum * one) as i32).collect();
            Taps { first, weights }
        })
        .collect()
}

fn to_level(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(width: u32, height: u32, levels: &[u8]) -> RgbImage {
        let rgb = levels.iter().flat_map(|&level| [level; CHANNELS]).collect();
        RgbImage::from_raw(width, height, rgb).unwrap()
    }

    #[test]
    fn keeps_a_picture_of_the_wanted_size() {
        let picture = gray(2, 2, &[1, 2, 3, 255]);
        assert_eq!(resize(&picture, 2, 2), picture);
    }

    #[test]
    fn shrinking_weighs_every_pixel() {
        // A triangle of half-width 2 around 1.0 weighs 3, 3, 1 sevenths, and around 3.0 1, 3, 3.
        let picture = gray(4, 1, &[70, 0, 140, 210]);
        assert_eq!(resize(&picture, 2, 1), gray(2, 1, &[50, 150]));
    }

    #[test]
    fn growing_interpolates() {
        assert_eq!(resize(&gray(2, 1, &[0, 100]), 4, 1), gray(4, 1, &[0, 25, 75, 100]));
    }
}
