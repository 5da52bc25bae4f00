//! `loadlab schema`: JSON schemas of the files people and machines write.

use crate::{
    cli::{SchemaArgs, SchemaOf},
    exit::Exit,
    output,
};

/// Prints the schema.
pub(crate) fn execute(arguments: &SchemaArgs) -> Exit {
    match arguments.of {
        SchemaOf::Scenario => output::json(&loadlab_scenario::schema()),
        SchemaOf::Study => output::json(&loadlab_scenario::study_schema()),
        SchemaOf::Run => output::json(&loadlab_record::schema()),
    }
}
