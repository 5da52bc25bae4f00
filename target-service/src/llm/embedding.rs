//! Embeddings without a model: hashed words and letter groups, so that texts which share words are
//! near, and equal texts are equal.

/// Letters of a letter group; it makes `telescope` and `telescopes` near.
const GROUP_LETTERS: usize = 4;
/// What a letter group weighs beside a word.
const GROUP_WEIGHT: f64 = 0.4;
/// Places that a word is spread over: with few, two words that meet in one look alike.
const PLACES: u64 = 4;

/// A vector of length 1 with `dimensions` numbers.
pub(super) fn embed(text: &str, dimensions: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f64; dimensions];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word = word.to_lowercase();
        add(&mut sum, word.as_bytes(), 1.0);
        let letters: Vec<char> = word.chars().collect();
        for group in letters.windows(GROUP_LETTERS) {
            let group: String = group.iter().collect();
            add(&mut sum, group.as_bytes(), GROUP_WEIGHT);
        }
    }
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length == 0.0 {
        // Nothing to go by, or hashes that cancel out: any fixed direction will do.
        sum[0] = 1.0;
        return sum.into_iter().map(|x| x as f32).collect();
    }
    sum.into_iter().map(|x| (x / length) as f32).collect()
}

fn add(sum: &mut [f64], feature: &[u8], weight: f64) {
    let mut state = fnv1a(feature);
    for _ in 0..PLACES {
        state = mixed(state);
        let place = (state >> 1) as usize % sum.len();
        sum[place] += if state & 1 == 0 { weight } else { -weight };
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// SplitMix64's step: one more number from the last one.
pub(super) fn mixed(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        embed(a, 256).iter().zip(embed(b, 256)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn texts_that_share_words_are_near_and_others_are_not() {
        let near = cosine("best telescope for astronomy", "astronomy telescope checklist");
        let far = cosine("best telescope for astronomy", "sourdough crust and yeast");
        assert!(near > 0.5 && far < 0.25, "{near} {far}");
        assert!(cosine("telescope", "telescopes") > 0.3);
    }

    #[test]
    fn every_text_has_length_one_and_the_same_text_the_same_vector() {
        for text in ["", "  ", "a", "Ünïcode 😀", "best telescope for astronomy"] {
            for dimensions in [1, 8, 256] {
                let vector = embed(text, dimensions);
                let length: f32 = vector.iter().map(|x| x * x).sum();
                assert!((length - 1.0).abs() < 1e-4, "{text}: {length}");
                assert_eq!(vector, embed(text, dimensions));
            }
        }
    }
}
