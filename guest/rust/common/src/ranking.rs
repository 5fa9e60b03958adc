//! From a classifier's scores to names: softmax, the best few, labels.

/// Turns scores into probabilities in place.
pub fn softmax(scores: &mut [f32]) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - max).exp();
        sum += f64::from(*score);
    }
    for score in scores.iter_mut() {
        *score = (f64::from(*score) / sum) as f32;
    }
}

/// The `k` highest scores with their indices, best first; equal ones by index.
pub fn top_k(scores: &[f32], k: usize) -> Vec<(usize, f32)> {
    let mut ranked: Vec<_> = scores.iter().copied().enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.truncate(k);
    ranked
}

/// One label a line, without a WordNet id before it and without further names after a comma.
pub fn parse_labels(text: &str) -> Vec<String> {
    text.lines().map(parse_label).collect()
}

fn parse_label(line: &str) -> String {
    let line = line.trim();
    let label = match line.split_once(' ') {
        Some((id, rest)) if is_wordnet_id(id) => rest,
        _ => line,
    };
    label.split(',').next().unwrap_or_default().trim().to_owned()
}

fn is_wordnet_id(word: &str) -> bool {
    word.len() == 9
        && word.strip_prefix('n').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_survives_large_scores() {
        let mut scores = [1000.0, 1000.0];
        softmax(&mut scores);
        assert_eq!(scores, [0.5, 0.5]);
    }

    #[test]
    fn top_k_is_best_first_and_stable() {
        assert_eq!(top_k(&[1.0, 3.0, 3.0, 2.0], 3), [(1, 3.0), (2, 3.0), (3, 2.0)]);
        assert_eq!(top_k(&[1.0], 5), [(0, 1.0)]);
    }

    #[test]
    fn labels_lose_ids_and_synonyms() {
        assert_eq!(
            parse_labels("n04350905 suit, suit of clothes\r\nbow tie, bow\nnothing special\n"),
            ["suit", "bow tie", "nothing special"]
        );
    }
}
