//! The binaries in the archive of a release.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use toolbox::{Scratch, Venv, python};

use super::BuildError;

/// Names the archive whose binaries are used instead of building released ones.
const ARCHIVE: &str = "RELEASE_ARCHIVE";

/// The folder of a release with the functions for this machine.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "x86_64"
};

/// Writes the binaries of an archive into a folder, under the names of their zips, and prints these names. The arguments
/// are the archive, the folder and the architecture.
const UNPACK: &str = "import io, pathlib, sys, tarfile, zipfile
archive, folder, architecture = sys.argv[1:]
with tarfile.open(archive) as release:
    for member in release.getmembers():
        path = pathlib.PurePosixPath(member.name)
        if path.parent.name == architecture and path.suffix == '.zip':
            zipped = zipfile.ZipFile(io.BytesIO(release.extractfile(member).read()))
            pathlib.Path(folder, path.stem).write_bytes(zipped.read('bootstrap'))
            print(path.stem)";

/// The archive that the environment names, if any.
pub(super) fn archive() -> Option<PathBuf> {
    std::env::var_os(ARCHIVE)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// The binaries for this machine by package name. They are unpacked once and remain until this process ends.
///
/// # Errors
/// [`BuildError::Archive`] if the archive is not readable, and the errors of the toolbox.
pub(super) fn unpacked(archive: &Path) -> Result<HashMap<String, PathBuf>, BuildError> {
    static UNPACKED: Mutex<Option<(Scratch, HashMap<String, PathBuf>)>> = Mutex::new(None);

    let mut unpacked = UNPACKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, executables)) = &*unpacked {
        return Ok(executables.clone());
    }
    let folder = Scratch::new()?;
    let executables = unpack(archive, folder.path())?;
    *unpacked = Some((folder, executables.clone()));
    Ok(executables)
}

fn unpack(archive: &Path, folder: &Path) -> Result<HashMap<String, PathBuf>, BuildError> {
    let mut unpack = Command::new(python(Venv::Stack)?);
    unpack.args(["-c", UNPACK]).args([archive, folder]).arg(ARCHITECTURE);
    let ended = unpack.output()?;
    if !ended.status.success() {
        return Err(BuildError::Archive(archive.to_owned()));
    }
    let names = String::from_utf8_lossy(&ended.stdout);
    let mut executables = HashMap::new();
    for name in names.lines() {
        let path = folder.join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        executables.insert(name.to_owned(), path);
    }
    Ok(executables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binaries_of_this_machine_are_taken_from_the_archive() {
        let folder = Scratch::new().unwrap();
        let archive = folder.path().join("recording-vault-1.0.0.tar.gz");
        let make = "import io, sys, tarfile, zipfile
with tarfile.open(sys.argv[1], 'w:gz') as archive:
    for name in ('arm64', 'x86_64', 'scripts'):
        body = io.BytesIO()
        with zipfile.ZipFile(body, 'w') as zipped:
            zipped.writestr('bootstrap', name)
        info = tarfile.TarInfo(f'recording-vault-1.0.0/{name}/recording-playback.zip')
        info.size = len(body.getvalue())
        archive.addfile(info, io.BytesIO(body.getvalue()))";
        let mut python = Command::new(python(Venv::Stack).unwrap());
        assert!(python.args(["-c", make]).arg(&archive).status().unwrap().success());

        let executables = unpack(&archive, folder.path()).unwrap();
        assert_eq!(executables.len(), 1, "{executables:?}");
        let path = &executables["recording-playback"];
        assert_eq!(fs::read_to_string(path).unwrap(), ARCHITECTURE);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn another_file_is_refused_by_its_name() {
        let folder = Scratch::new().unwrap();
        let refused = unpack(Path::new("absent.tar.gz"), folder.path()).unwrap_err();
        assert_eq!(refused.to_string(), "absent.tar.gz is not the archive of a release");
    }
}
