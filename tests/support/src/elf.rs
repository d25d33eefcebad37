//! Properties of a built program, from its ELF headers and the output of `readelf`.

use std::{path::Path, process::Command};

/// Intel and AMD processors of 64 bits, by their number in the ELF specification.
pub const X86_64: u16 = 62;
/// 64-bit ARM processors, likewise.
pub const AARCH64: u16 = 183;

/// Returns the number of a program's target processor.
///
/// # Panics
/// If the file is no ELF file.
pub fn machine(program: &Path) -> u16 {
    let file = std::fs::read(program).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(file.starts_with(b"\x7fELF"), "{} is no ELF file", program.display());
    u16::from_le_bytes([file[18], file[19]])
}

/// Returns the minor version of the newest symbol of glibc 2 that a program needs; 0 if it needs none.
///
/// # Panics
/// If `readelf` does not run.
pub fn newest_glibc(program: &Path) -> u32 {
    let text = readelf("--version-info", program);
    let versions =
        text.split("GLIBC_2.").skip(1).filter_map(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok());
    versions.max().unwrap_or(0)
}

/// Returns `true` if a program needs neither a dynamic linker nor a library.
///
/// # Panics
/// If `readelf` does not run.
pub fn is_static(program: &Path) -> bool {
    !readelf("--program-headers", program).contains("INTERP") && !readelf("--dynamic", program).contains("NEEDED")
}

fn readelf(part: &str, program: &Path) -> String {
    let output = Command::new("readelf").args([part, "--wide"]).arg(program).output();
    let output = output.unwrap_or_else(|error| panic!("readelf does not start ({error}): install binutils"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
