"""The parts of CUDA on a machine that mien needs: run-time compiler, headers, driver, cuDNN."""

import ctypes
import glob
import os
import re
import shutil
import subprocess

# Folders of libraries in a toolkit.
LIBRARIES = ("lib64", "targets/x86_64-linux/lib", "lib")
HEADERS = ("cuda_runtime.h", "cuda_fp16.h", "mma.h", "cuda/barrier")
# Folders of a driver that the loader does not search.
DRIVERS = ("/usr/local/nvidia/lib64", "/usr/local/nvidia/lib")


def missing_headers(root):
    """Returns the headers missing in a toolkit."""
    places = [os.path.join(root, "include"), os.path.join(root, "include", "cccl")]
    return [header for header in HEADERS if not any(os.path.exists(os.path.join(place, header)) for place in places)]


def folders_with(pattern, folders):
    """Returns the folders with a library."""
    return [folder for folder in dict.fromkeys(folders) if glob.glob(os.path.join(folder, pattern))]


def site_packages(python):
    """Returns the folder of a Python's packages, or None."""
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    try:
        found = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found or None


def find(python):
    """Returns the environment that mien needs for CUDA, and a line for each part found or missing."""
    packages = site_packages(python)
    inside = os.path.join(packages, "nvidia") if packages else "/nonexistent"
    nvcc = shutil.which("nvcc")
    roots = [
        os.environ.get("CUDA_PATH"),
        "/usr/local/cuda",
        nvcc and os.path.dirname(os.path.dirname(os.path.realpath(nvcc))),
        os.path.join(inside, "cu13"),
    ]
    roots = [root for root in dict.fromkeys(roots) if root and os.path.isdir(root)]
    told, best = [], None
    for root in roots:
        lacks = missing_headers(root)
        told.append(f"{root}: {'all headers' if not lacks else 'lacks ' + ', '.join(lacks)}")
        best = best or (None if lacks else root)
    root = best or (roots[0] if roots else None)
    told.append(f"CUDA_PATH={root}" if root else "no CUDA toolkit was found: set CUDA_PATH")
    known = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    inner = [os.path.join(place, name) for place in dict.fromkeys([root, *roots]) if place for name in LIBRARIES]
    compilers = folders_with("libnvrtc.so*", [*known, *inner])
    dnn = folders_with(
        "libcudnn.so.9*", [*known, os.path.join(inside, "cudnn", "lib"), *inner, "/usr/lib/x86_64-linux-gnu"]
    )
    blas = folders_with("libcublas.so*", [os.path.join(inside, "cu13", "lib"), *inner])
    drivers = folders_with("libcuda.so.1", DRIVERS)
    for name, folders in (
        ("libnvrtc", compilers),
        ("libcudnn.so.9", dnn),
        ("libcuda.so.1 off the loader's path", drivers),
    ):
        told.append(f"{name}: {', '.join(folders) or 'none'}")
    libraries = list(dict.fromkeys([*known, *compilers, *dnn, *blas, *drivers]))
    environment = {"LD_LIBRARY_PATH": ":".join(libraries)} if libraries else {}
    return {**environment, **({"CUDA_PATH": root} if root else {})}, told


def compiler(folders):
    """Returns the version of the first run-time compiler found, such as '13.0'."""
    for path in (path for folder in folders for path in sorted(glob.glob(os.path.join(folder, "libnvrtc.so.1[0-9]")))):
        try:
            library, major, minor = ctypes.CDLL(path), ctypes.c_int(), ctypes.c_int()
            if library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)) == 0:
                return f"{major.value}.{minor.value}"
        except (OSError, AttributeError):
            continue
    return "13.0"


def kernels_folder(name, capability, version):
    """Returns mien's name for the folder of a device's kernels."""
    return f"{re.sub('[^0-9A-Za-z]', '-', name)}-sm-{capability // 10}.{capability % 10}-nvrtc-{version}"


def card():
    """Returns name and compute capability of the first card, or None."""
    query = ["nvidia-smi", "--id=0", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    try:
        line = subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip().splitlines()[0]
        name, capability = line.rsplit(",", 1)
        return name.strip(), int(capability.strip().replace(".", ""))
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None
