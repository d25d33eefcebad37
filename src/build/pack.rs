//! Packs a program into the zip format that Lambda accepts: an entry `bootstrap`, then the files beside it; the same bytes for the same content.
//!
//! Lambda's `CodeSha256` is the digest of the zip, so every byte must follow from the content alone: fixed time, mode, method
//! and level. `Cargo.lock` fixes the version of the deflate implementation.

use std::io::{self, Cursor, Read, Write};

use base64::Engine;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::BuildTarget;
use crate::stack::BOOTSTRAP;

/// Size limit of an unpacked program, in bytes: 250 MB (AWS Lambda quotas page).
pub const LARGEST_UNPACKED: u64 = 250 * MEGABYTE;

/// Size limit of a zip in a request, in bytes: 50 MB (AWS Lambda quotas page).
pub const LARGEST_ZIP: u64 = 50 * MEGABYTE;

/// Buffer size in bytes for reading a zip: about ten system calls per zip, and little memory.
const CHUNK: usize = 256 * 1024;

pub(super) const MEGABYTE: u64 = 1024 * 1024;

/// Version of [`pack`]'s format. A change causes packages of older versions to be made anew.
pub(super) const FORMAT: &str = "2";

/// File of a package beside the program.
pub(super) struct Beside {
    /// Path in the package, with slashes.
    pub(super) name: String,
    pub(super) is_executable: bool,
    pub(super) content: Vec<u8>,
}

/// Packs `program` and the files `beside` it, in their order: as small as possible for Lambda, fast for this machine, because nothing is uploaded.
pub(super) fn pack(program: &[u8], beside: &[Beside], target: BuildTarget) -> zip::result::ZipResult<Vec<u8>> {
    let level = match target {
        BuildTarget::Lambda(_) => 9,
        BuildTarget::Host => 1,
    };
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(level))
        .last_modified_time(DateTime::default());
    let mode = |is_executable| options.unix_permissions(if is_executable { 0o755 } else { 0o644 });
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(BOOTSTRAP, mode(true))?;
    zip.write_all(program)?;
    for file in beside {
        zip.start_file(file.name.as_str(), mode(file.is_executable))?;
        zip.write_all(&file.content)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Returns the digest of a zip in Lambda's form: base64 of SHA-256.
pub(super) fn code_sha256(mut zip: impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = match zip.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if length == 0 {
            break;
        }
        hash.update(&chunk[..length]);
    }
    Ok(base64::engine::general_purpose::STANDARD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Architecture;

    const LAMBDA: BuildTarget = BuildTarget::Lambda(Architecture::Arm64);

    #[test]
    fn packing_twice_gives_the_same_bytes() {
        let program: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for target in [LAMBDA, BuildTarget::Host] {
            assert_eq!(pack(&program, &[], target).unwrap(), pack(&program, &[], target).unwrap());
        }
        assert_ne!(pack(b"one", &[], LAMBDA).unwrap(), pack(b"other", &[], LAMBDA).unwrap());
    }

    #[test]
    fn the_digest_has_lambdas_form() {
        // SHA-256 of the empty string, a standard test vector.
        assert_eq!(code_sha256(&b""[..]).unwrap(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn python_reads_one_executable_entry_of_1980() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("package.zip");
        std::fs::write(&path, pack(b"#!/bin/sh\necho hello\n", &[], LAMBDA).unwrap()).unwrap();
        let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); i, = z.infolist(); \
            print(i.filename, oct(i.external_attr >> 16), i.date_time, i.compress_type, len(i.extra), z.testzip(), z.read(i))";
        let output = std::process::Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap().trim(),
            "bootstrap 0o100755 (1980, 1, 1, 0, 0, 0) 8 0 None b'#!/bin/sh\\necho hello\\n'"
        );
    }
}
