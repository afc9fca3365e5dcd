//! What commands print and how they end, word for word: `tests/cli/*.trycmd`.
//! `TRYCMD=overwrite cargo test --test cli` writes what they print now.

#[test]
fn commands_say_what_they_should() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd");
}
