//! The only caller of `libm`.
