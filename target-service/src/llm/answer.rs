//! A generated answer without a model: sentences of the prompt, picked by its hash.

use super::embedding::{fnv1a, mixed};

/// How an answer begins.
const OPENINGS: [&str; 4] =
    ["Here is what the sources say.", "In short:", "The sources agree on this.", "This is the gist."];
/// What stands between sentences.
const LINKS: [&str; 6] = ["Also,", "Besides,", "After that,", "In practice,", "Note that", "Finally,"];
/// Words of a sentence worth quoting, at least.
const SENTENCE_WORDS_MIN: usize = 4;

/// The tokens of the answer to `prompt`: words, each with the space before it. About `tokens` of
/// them, give or take a fifth, and never more than `most`.
pub(super) fn answer(prompt: &str, tokens: usize, most: usize) -> Vec<String> {
    let mut state = fnv1a(prompt.as_bytes());
    let mut draw = |below: usize| {
        state = mixed(state);
        (state % below as u64) as usize
    };
    let spread = tokens / 5;
    let length = (tokens - spread + draw(2 * spread + 1)).clamp(1, most.max(1));
    let sentences: Vec<Vec<&str>> = prompt
        .split(['.', '!', '?', '\n'])
        .map(|sentence| sentence.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.len() >= SENTENCE_WORDS_MIN)
        .collect();
    let mut words: Vec<String> = OPENINGS[draw(OPENINGS.len())].split(' ').map(str::to_owned).collect();
    while words.len() < length {
        words.extend(LINKS[draw(LINKS.len())].split(' ').map(str::to_owned));
        match sentences.len() {
            0 => words.push("there is more to say.".to_owned()),
            count => {
                words.extend(sentences[draw(count)].iter().map(|word| (*word).to_owned()));
                if let Some(last) = words.last_mut() {
                    last.push('.');
                }
            }
        }
    }
    words.truncate(length);
    let spaced = |(n, word): (usize, String)| if n == 0 { word } else { format!(" {word}") };
    words.into_iter().enumerate().map(spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: &str =
        "Answer from the sources. Keep the rope away from the edge. Check the harness twice.";

    #[test]
    fn the_same_prompt_has_the_same_answer_and_another_one_another() {
        assert_eq!(answer(PROMPT, 40, 1000), answer(PROMPT, 40, 1000));
        assert_ne!(answer(PROMPT, 40, 1000), answer("Why is the sky blue at noon?", 40, 1000));
    }

    #[test]
    fn an_answer_has_about_the_length_that_is_asked_for_and_never_more_than_the_limit() {
        for prompt in ["", "a", PROMPT] {
            let length = answer(prompt, 40, 1000).len();
            assert!((32..=48).contains(&length), "{length}");
            assert_eq!(answer(prompt, 40, 5).len(), 5);
            assert_eq!(answer(prompt, 1, 1000).len(), 1);
        }
    }
}
