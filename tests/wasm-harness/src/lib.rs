//! What is run natively and in wasm, where the results must be the same to the last bit: varied models, and raw draws.
//!
//! A draw is rounded to nanoseconds before it is used, which hides almost every difference of an ulp: so the raw values
//! are hashed as well.

// The exports that a wasm module has need `no_mangle`, which counts as unsafe: two modules could bear the same name.
#![allow(unsafe_code)]

pub mod draws;
pub mod models;

/// How many models there are.
#[unsafe(no_mangle)]
pub extern "C" fn model_count() -> u32 {
    models::all().len() as u32
}

/// The digest of the results of a model.
#[unsafe(no_mangle)]
pub extern "C" fn model_digest(number: u32) -> u64 {
    models::digest(&models::all()[number as usize].1.to_string(), 7)
}

/// How many kinds of draws there are.
#[unsafe(no_mangle)]
pub extern "C" fn draw_count() -> u32 {
    draws::NAMES.len() as u32
}

/// The hash of the raw values of a kind of draws.
#[unsafe(no_mangle)]
pub extern "C" fn draw_hash(number: u32) -> u64 {
    draws::hash(draws::NAMES[number as usize])
}
