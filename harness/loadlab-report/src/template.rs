//! The template engine as the page and the Markdown report use it. Templates are part of the
//! program; what they print is escaped by the ending of their name.

use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig};

/// An engine with these templates. A name that a template uses and nobody gave is an error, which a
/// test of each format would show.
pub(crate) fn engine(templates: &[(&'static str, &'static str)]) -> Environment<'static> {
    let mut engine = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    engine.set_syntax(syntax.expect("the usual delimiters are valid"));
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in templates {
        engine.add_template(name, text).expect("the template is part of the program");
    }
    engine
}
