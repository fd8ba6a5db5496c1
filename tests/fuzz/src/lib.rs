//! Random and mutated input for every parser.
