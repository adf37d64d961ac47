//! Brings the program to the machine of a home: copies a binary beside the old one, tries it there and puts it in
//! place.
//!
//! The shell there runs three short scripts, one for each connection. A cut line leaves the old program as it was.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};

use super::connection::{self, LinkError};
use crate::domain::HomeAddress;
use crate::domain::text::printable;

/// The line before the answers of a script, because shells print other things before.
const MARK: &str = "mien install";

/// The most bytes that a script may print.
const MAX_ANSWER: u64 = 64 << 10;

/// Looks at the machine; `$1` is the path of the program.
const LOOK: &str = r#"echo "mien install"
echo "system $(uname -sm)"
echo "found $(command -v mien)"
if [ -e "$1" ]; then echo "version $("$1" --version 2>&1 </dev/null | head -n 1)"; fi"#;

/// Takes a binary beside the path `$1`, checks it against the hash `$2`, and tries it.
const TAKE: &str = r#"folder=$(dirname "$1")
mkdir -p "$folder" && rm -f "$folder"/.mien-install-* && copy=$(mktemp "$folder/.mien-install-XXXXXX") || exit 3
cat > "$copy" && chmod 755 "$copy" || exit 3
if command -v sha256sum >/dev/null; then hash=$(sha256sum < "$copy")
elif command -v shasum >/dev/null; then hash=$(shasum -a 256 < "$copy")
else echo "neither sha256sum nor shasum is there" >&2; rm -f "$copy"; exit 3; fi
if [ "${hash%% *}" != "$2" ]; then rm -f "$copy"; echo "the copy came incomplete: repeat the command" >&2; exit 3; fi
echo "mien install"
echo "copy $copy"
echo "version $("$copy" --version 2>&1 </dev/null | head -n 1)""#;

/// Puts the copy `$2` in the place `$1`.
const PLACE: &str =
    r#"mv -f "$2" "$1" && echo "mien install" && echo "version $("$1" --version 2>&1 </dev/null | head -n 1)""#;

/// Removes the copy `$2`.
const DROP: &str = r#"rm -f "$2"; echo "mien install""#;

/// A version of mien, by which a newer one is known.
type Version = [u64; 3];

/// The machine of a home, and the program there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// System and processor, such as `Linux x86_64`.
    pub system: String,
    /// The first line that the program at the path prints of its version; `None` if there is none.
    pub version: Option<String>,
    /// The path of `mien` as the shell there finds it, or nothing.
    pub found: String,
}

/// The reason why a program was not installed. Every text is safe to print.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// ssh cannot start.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The path of the program in the config file is a name.
    #[error("binary in [homes.{0}] is a name and no path: write the path at which mien is to be, such as ~/bin/mien")]
    NoPath(String),
    /// The binary cannot be read.
    #[error("cannot read the binary {}: {source}", path.display())]
    Read {
        /// The binary.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The machine there runs other programs.
    #[error("{name} is {there}, and {} is for {binary}: give --binary with one that is built for it", path.display())]
    System {
        /// The home.
        name: String,
        /// Its system and processor.
        there: String,
        /// The binary.
        path: PathBuf,
        /// The system and processor of the binary.
        binary: String,
    },
    /// There is a newer mien, or another program.
    #[error("{path} on {name} is {there}, and the copy is {copy}: --force replaces it all the same")]
    Newer {
        /// The home.
        name: String,
        /// The path there.
        path: String,
        /// The version there.
        there: String,
        /// The version of the copy.
        copy: String,
    },
    /// The copy does not run there.
    #[error("the copy does not run on {name}, so nothing was replaced: {words}")]
    DoesNotRun {
        /// The home.
        name: String,
        /// Its first line.
        words: String,
    },
    /// The shell there failed.
    #[error("{name} did not carry it out: {words}")]
    There {
        /// The home.
        name: String,
        /// Its last line.
        words: String,
    },
}

/// A binary to install.
#[derive(Debug)]
pub struct Binary {
    path: PathBuf,
    file: File,
    /// Its length in bytes.
    pub bytes: u64,
    hash: String,
    /// The processor by the file's head, as `uname -m` writes it; `None` for a file that is no ELF.
    processor: Option<String>,
}

impl Binary {
    /// Opens a binary, and computes its SHA-256.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path) -> Result<Self, InstallError> {
        let failed = |source| InstallError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let mut head = Vec::new();
        (&mut file).take(20).read_to_end(&mut head).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let mut hasher = Sha256::new();
        let bytes = io::copy(&mut file, &mut hasher).map_err(failed)?;
        let hash = format!("{:x}", hasher.finalize());
        Ok(Self { path: path.to_owned(), file, bytes, hash, processor: processor(&head) })
    }
}

/// Returns the processor of an ELF file by its first 20 bytes, as `uname -m` writes it.
fn processor(head: &[u8]) -> Option<String> {
    let (magic, machine) = (head.get(..4)?, head.get(18..20)?);
    let little = head.get(5) == Some(&1);
    let machine = [machine[0], machine[1]];
    let machine = if little { u16::from_le_bytes(machine) } else { u16::from_be_bytes(machine) };
    (magic == b"\x7fELF").then(|| match machine {
        62 => "x86_64".into(),
        183 => "aarch64".into(),
        243 => "riscv64".into(),
        other => format!("processor {other}"),
    })
}

/// Returns the path at which the program of a home is to be: `binary` of the config file, or `~/.local/bin/mien`.
///
/// # Errors
/// If `binary` is a name, which the shell there looks up.
pub fn place(address: &HomeAddress) -> Result<&str, InstallError> {
    match address.binary.as_deref() {
        None => Ok("~/.local/bin/mien"),
        Some(path) if path.contains('/') => Ok(path),
        Some(_) => Err(InstallError::NoPath(address.name.clone())),
    }
}

/// Looks at the machine of a home.
///
/// # Errors
/// If it cannot be reached.
pub fn look(address: &HomeAddress) -> Result<Machine, InstallError> {
    let lines = run(address, LOOK, &[place(address)?], None)?;
    let answer = |name| answer(&lines, name).unwrap_or_default();
    let version = lines.iter().any(|line| line.starts_with("version")).then(|| answer("version"));
    Ok(Machine { system: answer("system"), version, found: answer("found") })
}

/// Copies a binary to the machine of a home and puts it in place. `progress` gets the bytes that were sent. Returns
/// what the program prints of its version there.
///
/// # Errors
/// If the machine runs other programs, the copy does not run there, or a newer mien is there and `force` is not set.
pub fn install(
    address: &HomeAddress,
    machine: &Machine,
    binary: &mut Binary,
    force: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<String, InstallError> {
    let (name, path) = (address.name.clone(), place(address)?);
    refuse_other_system(&name, machine, binary)?;
    let failed = |source| InstallError::Read { path: binary.path.clone(), source };
    (&binary.file).seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut counted = CountingWriter { file: &binary.file, sent: 0, progress };
    let lines = run(address, TAKE, &[path, &binary.hash], Some(&mut counted))?;
    let (copy, version) = (answer(&lines, "copy").unwrap_or_default(), answer(&lines, "version").unwrap_or_default());
    let refusal = match (parse(&version), &machine.version) {
        (None, _) => Some(InstallError::DoesNotRun { name: name.clone(), words: version.clone() }),
        (Some(new), Some(old)) if !force && parse(old).is_none_or(|old| old > new) => {
            let there = if old.is_empty() { "no mien that says its version".into() } else { old.clone() };
            Some(InstallError::Newer { name: name.clone(), path: path.to_owned(), there, copy: version.clone() })
        }
        _ => None,
    };
    if let Some(refusal) = refusal {
        // It may have been removed meanwhile.
        let _ = run(address, DROP, &[path, &copy], None);
        return Err(refusal);
    }
    let lines = run(address, PLACE, &[path, &copy], None)?;
    Ok(answer(&lines, "version").unwrap_or_default())
}

fn refuse_other_system(name: &str, machine: &Machine, binary: &Binary) -> Result<(), InstallError> {
    let (system, processor) = machine.system.split_once(' ').unwrap_or((&machine.system, ""));
    let wanted = match &binary.processor {
        Some(processor) => ("Linux", processor.as_str()),
        // The head of other files is not known here.
        None => (system, processor),
    };
    // Some systems have another name for the same processor.
    let usual = |name: &str| match name {
        "amd64" => "x86_64".to_owned(),
        "arm64" => "aarch64".to_owned(),
        other => other.to_owned(),
    };
    if (system, usual(processor)) == (wanted.0, usual(wanted.1)) {
        return Ok(());
    }
    let (there, binary_system) = (machine.system.clone(), format!("{} {}", wanted.0, wanted.1));
    Err(InstallError::System { name: name.to_owned(), there, path: binary.path.clone(), binary: binary_system })
}

/// Returns the numbers of a line such as `mien 0.1.0`.
fn parse(line: &str) -> Option<Version> {
    let numbers = line.strip_prefix("mien ")?.split(['-', '+', ' ']).next()?;
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

/// Returns the rest of the first line that begins with a name.
fn answer(lines: &[String], name: &str) -> Option<String> {
    lines.iter().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
}

/// A binary that is being sent.
struct CountingWriter<'b> {
    file: &'b File,
    sent: u64,
    progress: &'b mut dyn FnMut(u64),
}

impl Read for CountingWriter<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.sent += read as u64;
        (self.progress)(self.sent);
        Ok(read)
    }
}

/// Runs a script in the shell there with these arguments and standard input. Returns the lines that it printed, safe to
/// print.
fn run(
    address: &HomeAddress,
    script: &str,
    arguments: &[&str],
    input: Option<&mut dyn Read>,
) -> Result<Vec<String>, InstallError> {
    let words: Vec<&str> = [&["sh", "-c", script, "sh"], arguments].concat();
    let (mut command, program) = connection::ssh(address, io::stdin().is_terminal(), &HomeAddress::shell_line(&words));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| LinkError::Ssh { program, reason: error.to_string() })?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (printed, errors) = std::thread::scope(|scope| {
        let (printed, errors) = (scope.spawn(move || lines(stdout)), scope.spawn(move || lines(stderr)));
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A shell that reads no more says why.
            let _ = io::copy(input, &mut stdin);
        }
        (printed.join().unwrap_or_default(), errors.join().unwrap_or_default())
    });
    let succeeded = child.wait().is_ok_and(|status| status.success());
    match printed.iter().position(|line| line == MARK) {
        Some(at) if succeeded => Ok(printed[at + 1..].to_vec()),
        _ => {
            let words = errors.iter().rfind(|line| !line.is_empty()).or(printed.last()).cloned();
            let words = words.unwrap_or_else(|| "it printed nothing".into()).chars().take(300).collect();
            Err(InstallError::There { name: address.name.clone(), words })
        }
    }
}

/// Reads a stream to its end, and returns its first lines, safe to print.
fn lines(stream: Option<impl Read>) -> Vec<String> {
    let Some(mut stream) = stream else { return Vec::new() };
    let mut bytes = Vec::new();
    // A cut stream has fewer lines.
    let _ = (&mut stream).take(MAX_ANSWER).read_to_end(&mut bytes);
    // Otherwise the shell there would wait for a reader.
    let _ = io::copy(&mut stream, &mut io::sink());
    String::from_utf8_lossy(&bytes).lines().map(|line| printable(line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_processors_are_read_from_what_programs_say() {
        let table = [
            ("mien 0.1.0", Some([0, 1, 0])),
            ("mien 1.20.3-dev", Some([1, 20, 3])),
            ("mien 1.2", None),
            ("mien", None),
            ("sh: 1: mien: not found", None),
            ("", None),
        ];
        for (line, expected) in table {
            assert_eq!(parse(line), expected, "{line}");
        }
        let head = |machine: u8| [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 11], &[machine, 0]].concat();
        assert_eq!(processor(&head(62)).as_deref(), Some("x86_64"));
        assert_eq!(processor(&head(183)).as_deref(), Some("aarch64"));
        assert_eq!(processor(b"#!/bin/sh and more of it"), None);
        assert_eq!(processor(b"\x7fELF"), None);
    }

    #[test]
    fn a_machine_of_another_kind_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut binary = Binary::open(file.path()).expect("opened");
        let machine = |system: &str| Machine { system: system.into(), version: None, found: String::new() };
        let mut table = |processor: Option<&str>, system: &str| {
            binary.processor = processor.map(str::to_owned);
            refuse_other_system("box2", &machine(system), &binary).is_ok()
        };
        assert!(table(Some("x86_64"), "Linux x86_64") && table(Some("aarch64"), "Linux arm64"));
        assert!(!table(Some("x86_64"), "Linux aarch64") && !table(Some("aarch64"), "Darwin arm64"));
        assert!(table(None, "Darwin arm64"), "a script runs anywhere, and the copy is tried there");
    }

    #[test]
    fn the_path_is_that_of_the_config_file() {
        let mut address = HomeAddress::new("box2", "box2").expect("an address");
        assert_eq!(place(&address).expect("a path"), "~/.local/bin/mien");
        address.set_binary("/opt/mien").expect("a path");
        assert_eq!(place(&address).expect("a path"), "/opt/mien");
        address.set_binary("mien-dev").expect("a name");
        assert!(place(&address).is_err());
    }
}
