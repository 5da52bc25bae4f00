//! Every format from the same made-up run, and from runs that lack something.

mod comparisons;
mod fixtures;
mod gates;
mod machine;
mod markup;
mod page;
mod searches;
mod studies;
mod text;
mod trends;
