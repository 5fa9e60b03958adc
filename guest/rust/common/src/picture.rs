//! From a picture's file to what an ImageNet classifier takes.

use crate::resize;

const CHANNELS: usize = 3;
const MEAN: [f32; CHANNELS] = [0.485, 0.456, 0.406];
const STD: [f32; CHANNELS] = [0.229, 0.224, 0.225];

/// The model's input for one picture.
pub struct Input {
    pub dims: [usize; 4],
    /// Normalised, channel after channel.
    pub pixels: Vec<f32>,
}

/// Decodes, resizes to `size` x `size` and normalises.
pub fn prepare(bytes: &[u8], size: usize) -> Result<Input, String> {
    let picture = image::load_from_memory(bytes).map_err(|error| error.to_string())?.into_rgb8();
    let square = resize::resize(&picture, size, size);
    let plane = size * size;
    let mut pixels = vec![0.0; CHANNELS * plane];
    for (i, pixel) in square.pixels().enumerate() {
        for c in 0..CHANNELS {
            pixels[c * plane + i] = (f32::from(pixel[c]) / 255.0 - MEAN[c]) / STD[c];
        }
    }
    Ok(Input { dims: [1, CHANNELS, size, size], pixels })
}
