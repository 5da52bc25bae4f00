//! What an answer does not say about itself: with which versions it was really made, and whether it
//! was reviewed. The caches keep it with what they hold; whoever tests may see it (`truth: true`).

use serde::{Deserialize, Serialize};

use super::{
    Instance,
    answer::Answer,
    deployment::Deployed,
    figures::{Figures, WhatLabel},
};

/// How an answer was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// With which prompt.
    pub prompt: String,
    /// From sources found with which embedding model.
    pub embedding: String,
    /// Whether it was reviewed; none if there was no judge.
    pub reviewed: Option<bool>,
}

/// The truth about an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The prompt it was made with.
    pub prompt: String,
    /// The embedding model its sources were found with.
    pub embedding: String,
    /// Whether it was reviewed; none if there was no judge.
    pub reviewed: Option<bool>,
    /// Whether its prompt is not the deployed one any more.
    pub stale_prompt: bool,
    /// Whether its sources were found with a model that is not the deployed one any more.
    pub stale_embedding: bool,
}

/// An answer as the answer cache holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CachedAnswer {
    /// Without its truth.
    pub answer: Answer,
    /// How it was made.
    pub made: Made,
}

impl Truth {
    /// Of an answer that leaves now.
    fn of(made: Made, now: &Deployed) -> Self {
        let (stale_prompt, stale_embedding) =
            (made.prompt != now.deployment.prompt, made.embedding != now.deployment.embedding);
        let Made { prompt, embedding, reviewed } = made;
        Self { prompt, embedding, reviewed, stale_prompt, stale_embedding }
    }

    fn count(&self, figures: &Figures) {
        for (what, stale) in [("prompt", self.stale_prompt), ("embedding", self.stale_embedding)] {
            if stale {
                figures.stale.get_or_create(&WhatLabel { what }).inc();
            }
        }
        match self.reviewed {
            Some(true) => drop(figures.reviewed.inc()),
            Some(false) => drop(figures.unreviewed.inc()),
            None => {}
        }
    }
}

impl Instance {
    /// An answer as it leaves: counted for what it is, and telling it if that is wanted.
    pub(super) fn told(&self, answer: Answer, made: Made, now: &Deployed) -> Answer {
        let truth = Truth::of(made, now);
        truth.count(&self.metrics.figures);
        Answer { truth: self.profile.truth.then_some(truth), ..answer }
    }
}
