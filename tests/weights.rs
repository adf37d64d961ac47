//! Pretrained weights and downloads as a script uses them. Needs no trainer and no network.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::lab::{Lab, PATIENCE, wait_for, write_vgg16};
use crate::server::{Answer, Server, ranged, response};
use serde_json::{Value, json};

/// Returns a file of VGG16's weights under torchvision's names, written once per process.
fn file() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (new, path) = (folder.join(format!("vgg16-{}", std::process::id())), folder.join("vgg16.safetensors"));
        write_vgg16(&new);
        // Renamed, because another process may be reading the file.
        fs::rename(new, &path).expect("renamed");
        path
    })
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Returns the remaining files of downloads.
fn leftovers(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder.join(".downloads")) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn imported_weights_have_the_promised_keys() {
    let lab = Lab::new();
    let imported = lab.json(&["weights", "import", text(file()), "--name", "base", "--json"]);
    assert_eq!(imported, lab.json(&["weights", "show", "base", "--json"]));
    assert_eq!(lab.json(&["weights", "list", "--json"]), json!([imported]));
    let keys =
        ["name", "hash", "layout", "parameters", "preprocessing", "source", "source_hash", "licence", "imported_at"];
    for key in keys {
        assert!(imported.get(key).is_some(), "{key} is missing in {imported}");
    }
    assert_eq!((&imported["name"], &imported["layout"]), (&json!("base"), &json!("safetensors")));
    assert_eq!((&imported["parameters"], &imported["source"]), (&json!(14_714_688), &json!(text(file()))));
    let reason = "its kernels are in PyTorch's order, and its names state no other origin than torchvision's VGG16";
    let torchvision = json!({"name": "torchvision", "order": "rgb", "scale": 1.0, "mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225], "reason": reason});
    assert_eq!(imported["preprocessing"], torchvision);
    assert_eq!(imported["not_taken"], json!({"tensors": 0, "names": [], "parts": 0}));

    let shown = lab.text(&["weights", "show", "base"]);
    for part in [
        "14,714,688 parameters",
        "torchvision: rgb",
        "because its kernels are in PyTorch's order",
        "SHA-256",
        "licence  torchvision is BSD-3-Clause",
    ] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    let hash = imported["hash"].as_str().expect("a hash");
    let listed = lab.text(&["weights", "list"]);
    assert!(listed.starts_with("WEIGHTS  LAYOUT") && listed.contains(&hash[..8]), "{listed}");

    // A repeated import changes nothing; another preprocessing needs `--replace`.
    let again = lab.mien(&["weights", "import", text(file()), "--name", "base", "--json"]).assert().success();
    assert!(String::from_utf8_lossy(&again.get_output().stderr).contains("imported before and is unchanged"));
    let other = ["weights", "import", text(file()), "--name", "base", "--preprocessing", "vggface"];
    assert!(lab.complaint(&other, 1).contains("add --replace"));
}

#[test]
fn damaged_weights_are_told_and_do_not_hide_the_others() {
    let lab = Lab::new();
    let path = lab.home().join("weights");
    fs::create_dir_all(&path).expect("made");
    fs::write(path.join("cut.safetensors"), [9; 4]).expect("written");
    let output = lab.mien(&["weights", "list"]).assert().success().get_output().clone();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaint.starts_with("mien: cut: ") && complaint.contains("damaged: it is cut short"), "{complaint}");
    assert!(lab.complaint(&["weights", "show", "cut"], 1).contains("import the weights again"));
}

#[test]
fn what_cannot_be_imported_is_refused_in_words() {
    let lab = Lab::new();
    let path = |name: &str| text(&lab.home().join(name)).to_owned();
    fs::write(path("page.h5"), "<!DOCTYPE html>").expect("written");
    fs::write(path("empty.pth"), "").expect("written");
    let import = |file: &str| lab.complaint(&["weights", "import", &path(file), "--name", "x"], 1);
    assert!(import("page.h5").contains("page.h5: it is a web page"));
    assert!(import("empty.pth").contains("empty.pth: it is empty"));
    assert!(import("missing.h5").contains("missing.h5: No such file"));
    assert!(lab.complaint(&["weights", "show", "x"], 1).contains("there are no weights 'x'"));
    assert_eq!(lab.text(&["weights", "list"]), "");
    let usage: [(&[&str], &str); 5] = [
        (&["weights", "import", "x"], "--name"),
        (&["weights", "import", "x", "--name", "../x"], "cannot be a name"),
        (&["weights", "import", "x", "--name", "x", "--preprocessing", "bgr"], "keras-imagenet, vggface, torchvision"),
        (&["weights", "fetch", "resnet"], "give vggface, imagenet, torchvision, or an address"),
        (&["weights", "fetch", "https://127.0.0.1:1/x"], "add --name NAME"),
    ];
    for (arguments, expected) in usage {
        let complaint = lab.complaint(arguments, 2);
        assert!(complaint.contains(expected), "{arguments:?}: {complaint}");
    }
}

#[test]
fn fetched_weights_are_imported_and_fetched_once() {
    let lab = Lab::new();
    let server = Server::start(|asked| Answer::Send(ranged(asked, "\"a\"", &fs::read(file()).expect("a file"))));
    let url = server.url("vgg16.safetensors");
    let fetch = ["weights", "fetch", &url, "--name", "base", "--json"];
    let fetched = lab.json(&fetch);
    assert_eq!((&fetched["source"], &fetched["name"]), (&json!(url), &json!("base")));
    assert!(leftovers(&lab.home().join("weights")).is_empty());
    let again = lab.mien(&fetch).assert().success().get_output().clone();
    assert!(String::from_utf8_lossy(&again.stderr).contains("was downloaded from this address before"));
    assert_eq!(serde_json::from_slice::<Value>(&again.stdout).expect("JSON"), fetched);
    assert_eq!(server.asked().len(), 1);
    let other = server.url("other.safetensors");
    let complaint = lab.complaint(&["weights", "fetch", &other, "--name", "base"], 1);
    assert!(complaint.contains("'base' already (from http://") && complaint.contains("--replace"), "{complaint}");
}

#[test]
fn a_download_that_ends_in_anything_else_is_told_and_leaves_nothing() {
    let lab = Lab::new();
    let server = Server::start(|asked| {
        Answer::Send(match asked.path.as_str() {
            "/page" => response("200 OK", &[], b"<!DOCTYPE html><html>please log in</html>"),
            "/lfs" => response("200 OK", &[], b"version https://git-lfs.github.com/spec/v1\nsize 63000000\n"),
            _ => response("404 Not Found", &[], b""),
        })
    });
    let fetch = |file: &str| lab.complaint(&["weights", "fetch", &server.url(file), "--name", "x"], 1);
    assert!(fetch("page").contains(&format!("{}: it is a web page", server.url("page"))));
    assert!(fetch("lfs").contains(&format!("{}: it is a Git LFS pointer", server.url("lfs"))));
    let data = lab.complaint(&["data", "import", &server.url("lfs"), "--name", "x"], 1);
    assert!(data.contains(&format!("{}: it is a Git LFS pointer", server.url("lfs"))), "{data}");
    assert!(fetch("missing").contains("the server answers 404"));
    assert_eq!(lab.json(&["weights", "list", "--json"]), json!([]));
    assert!(leftovers(&lab.home().join("weights")).is_empty());
}

#[test]
fn a_download_is_kept_until_it_was_imported_and_named_by_its_address() {
    let lab = Lab::new();
    let server = Server::start(|asked| {
        Answer::Send(match asked.header("if-none-match") {
            Some(_) => response("304 Not Modified", &[], b""),
            None => ranged(asked, "\"a\"", b"no weights"),
        })
    });
    let url = server.url("vgg16.h5");
    for folder in ["weights", "data"] {
        let arguments = match folder {
            "weights" => ["weights", "fetch", &url, "--name", "x"],
            _ => ["data", "import", &url, "--name", "x"],
        };
        for _ in 0..2 {
            let words = lab.complaint(&arguments, 1);
            let (begin, kept) = words.split_once("\nThe download stays until it is imported: ").expect("kept");
            assert!(begin.contains(&format!("mien: {url}: ")) && !begin.contains(".downloads"), "{words}");
            assert_eq!(fs::read(kept.trim_end()).expect("a file"), b"no weights");
        }
    }
    // Each was sent once.
    let sent = server.asked().iter().filter(|asked| asked.header("if-none-match").is_none()).count();
    assert_eq!((sent, server.asked().len()), (2, 4));
}

#[test]
fn a_pipe_is_read_as_weights_and_as_data() {
    let lab = Lab::new();
    let bytes = fs::read(file()).expect("a file");
    for (name, source) in [("a", "-"), ("b", "/dev/stdin")] {
        let import = ["weights", "import", source, "--name", name, "--json"];
        lab.mien(&import).write_stdin(bytes.clone()).assert().success();
        assert_eq!(lab.json(&["weights", "show", name, "--json"])["source"], json!(source));
    }
    assert!(lab.complaint(&["weights", "import", "/dev/null", "--name", "c"], 1).contains("neither a file nor a pipe"));
    for (name, source) in [("a", "-"), ("b", "/dev/stdin")] {
        lab.mien(&["data", "import", source, "--name", name]).write_stdin(table()).assert().success();
        assert_eq!(lab.json(&["data", "show", name, "--json"])["source"], json!(source));
    }
    let import = ["data", "import", "-", "--name", "c"];
    let output = lab.mien(&import).write_stdin("no dataset").assert().code(1).get_output().clone();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.starts_with("mien: -: ") && !words.contains(".piped"), "{words}");
    let left =
        fs::read_dir(lab.home().join("data")).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("piped")));
}

#[test]
fn without_a_network_it_says_what_to_do_elsewhere() {
    let lab = Lab::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/x.h5", listener.local_addr().expect("an address"));
    drop(listener);
    let complaint = lab.complaint(&["weights", "fetch", &url, "--name", "x"], 1);
    assert!(complaint.contains(&format!("download {url} on another machine")), "{complaint}");
    assert!(complaint.contains("\n  mien weights import FILE --name x"), "{complaint}");
    assert!(leftovers(&lab.home().join("weights")).is_empty());
    let complaint = lab.complaint(&["data", "import", &url, "--name", "faces"], 1);
    assert!(complaint.contains("\n  mien data import FILE --name faces"), "{complaint}");
}

/// Returns a table of two classes.
fn table() -> Vec<u8> {
    let mut text = String::from("emotion,pixels,Usage\n");
    for index in 0..400 {
        let usage = ["Training", "PublicTest", "PrivateTest"][index % 3];
        let pixels = vec![(index % 256).to_string(); 64].join(" ");
        writeln!(text, "{},{pixels},{usage}", index % 2).expect("memory");
    }
    text.into_bytes()
}

#[test]
fn data_is_imported_from_an_address_and_goes_on_where_it_broke_off() {
    let lab = Lab::new();
    let server = Server::start(|asked| {
        let mut answer = ranged(asked, "\"a\"", &table());
        if asked.number == 0 {
            answer.truncate(answer.len() / 2);
        }
        Answer::Send(answer)
    });
    let url = server.url("faces.csv?download=1");
    let import = ["data", "import", &url, "--name", "faces", "--json"];
    let complaint = lab.complaint(&import, 1);
    assert!(
        complaint.contains("interrupted after") && complaint.contains("run the command again to resume"),
        "{complaint}"
    );
    assert_eq!(leftovers(&lab.home().join("data")).len(), 2);
    let imported = lab.json(&import);
    assert_eq!((&imported["source"], &imported["name"]), (&json!(url), &json!("faces")));
    assert!(server.asked()[1].from().is_some_and(|from| from > 0));
    assert!(leftovers(&lab.home().join("data")).is_empty());
    assert_eq!(lab.json(&["data", "list", "--json"])[0]["source"], json!(url));
}

#[test]
fn leaving_a_download_with_ctrl_c_keeps_what_has_come() {
    let lab = Lab::new();
    let whole = table();
    let server = Server::start(move |asked| {
        let answer = ranged(asked, "\"a\"", &whole);
        match asked.number {
            0 => Answer::Hang(answer[..answer.len() - 1000].to_vec()),
            _ => Answer::Send(answer),
        }
    });
    let url = server.url("faces.csv");
    let mut import = Command::new(env!("CARGO_BIN_EXE_mien"))
        .args(["--home", text(lab.home()), "data", "import", &url, "--name", "faces"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    wait_for("the part", PATIENCE, || {
        let folder = lab.home().join("data/.downloads");
        let part = leftovers(&lab.home().join("data")).into_iter().find(|name| !name.contains(".json"))?;
        (fs::metadata(folder.join(part)).ok()?.len() + 1000 == table().len() as u64).then_some(())
    });
    let pid = rustix::process::Pid::from_child(&import);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signalled");
    let code = wait_for("the end", PATIENCE, || import.try_wait().expect("waited"));
    assert_eq!(code.code(), Some(130));
    lab.text(&["data", "import", &url, "--name", "faces"]);
    assert_eq!(server.asked()[1].from(), Some(table().len() - 1000));
}
