"""Packaging: the folders `flags/` and `export/` of the repository are installed inside the package `aag_tf`."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

PACKAGE_DIR = {"aag_tf": "aag_tf", "aag_tf.flags": "flags", "aag_tf.export": "export"}
PACKAGES = [
    f"{parent}.{child}" if child else parent
    for parent, folder in PACKAGE_DIR.items()
    for child in ["", *find_packages(str(HERE / folder))]
]

setup(
    name="aag-tf",
    version="0.1.0",
    description="Contrastive pre-training in Keras: auxiliary augmentation and the GNT-Xent loss (AAG)",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    package_dir=PACKAGE_DIR,
    packages=PACKAGES,
    package_data={
        "aag_tf": ["py.typed", "*.pyi", "report/templates/*"],
        "aag_tf.data": ["*.pyi"],
        "aag_tf.runs": ["*.pyi"],
        "aag_tf.flags": ["recipes/*.flags", "recipes/finetune/*.flags"],
        "aag_tf.export.search": ["*.html"],
        "aag_tf.export.serving": ["*.config", "*.md"],
    },
    zip_safe=False,
    install_requires=[
        "absl-py>=2.1",
        "array-record>=0.8",  # wheels for Linux and macOS; TensorFlow Datasets needs it on Linux too
        "h5py>=3.11",
        "importlib_resources>=6.0",  # imported, but not declared, by tensorflow-datasets 4.9.10
        "jinja2>=3.1",
        "keras>=3.15",
        "keras-cv>=0.9",
        "lazy_loader>=0.4",
        "markupsafe>=2.1.1",
        "numpy>=1.26",
        "pillow>=11.3",
        "psutil>=5.9",
        "pyarrow>=18.1",
        "scikit-learn>=1.5",
        "scipy>=1.15",
        "tensorboard>=2.20",
        "tensorflow>=2.21",
        "tensorflow-datasets>=4.9.10",
        "threadpoolctl>=3.5",
        "tqdm>=4.66",
        "typing_extensions>=4.12",  # `override`, which Python has from 3.12 on
    ],
    extras_require={
        "test": [
            "boto3>=1.37,<1.43.118",  # as far as aiobotocore 3.10, of s3fs, goes; pip finds no solution by itself
            "build>=1.2",
            "fsspec>=2025.3",
            "grpcio>=1.60",
            "hypothesis>=6.100",
            "imagecodecs>=2025.3",
            "import-linter>=2.0",
            "ipykernel>=7.4",
            "matplotlib>=3.8",
            "moto[server]>=5.1",
            "mypy>=1.10",
            "nbclient>=0.11",
            "nbformat>=5.11",
            "protobuf>=7.36",
            "pydicom>=3.0",
            "pytest>=8.0",
            "pytest-xdist>=3.6",
            "ruff>=0.6",
            "s3fs>=2025.3",
            "tensorflow-serving-api>=2.21",
            "tifffile>=2025.3",
        ],
        # Other runtimes for an exported encoder (aag-export --formats).
        "onnx": ["onnxruntime>=1.32", "tf2onnx>=1.17"],
        "openvino": ["openvino>=2026.4"],
        "litert": ["ai-edge-litert>=2.3"],
        # A server; its protobuf is older than TensorFlow's, so in an environment of its own.
        "kserve": ["grpc-interceptor>=0.15", "grpcio>=1.60", "h11>=0.14", "kserve>=0.21", "uvicorn>=0.34"],
        # Object stores: s3:// by itself, gs:// with gcsfs, az:// with adlfs, hdfs:// with Hadoop's client.
        "cloud": ["fsspec>=2025.3", "s3fs>=2025.3"],
        # Picture files that Pillow does not read: TIFF of many bands or 16-bit color, and DICOM.
        "tiff": ["imagecodecs>=2025.3", "tifffile>=2025.3"],
        "dicom": ["pydicom>=3.0"],
        # aag-search --index=hnsw
        "search": ["faiss-cpu>=1.15"],
        "notebooks": ["matplotlib>=3.8"],
        # The loggers of docs/how_to/loggers.md.
        "loggers": ["mlflow>=3.17", "wandb>=0.31"],
        # python -m aag_tf.export.beam
        "beam": ["apache-beam>=2.77"],
        "bench": [
            "grpcio>=1.60",
            "imagecodecs>=2025.3",
            "matplotlib>=3.8",
            "pydicom>=3.0",
            "tensorflow-serving-api>=2.21",
            "tifffile>=2025.3",
        ],
        # The documentation (make docs). MkDocs 2 has neither the theme nor plugins.
        "docs": ["mkdocs>=1.6.1,<2", "mkdocs-material>=9.7", "mkdocstrings-python>=2.0"],
        # What benchmarks compare with.
        "peers": ["grain>=0.2.18", "lightly>=1.6", "pytorch-metric-learning>=2.9", "torch>=2.13", "torchvision>=0.29"],
    },
    entry_points={
        "console_scripts": [
            "aag-augment = aag_tf.commands.augment:run",
            "aag-train = aag_tf.commands.train:run",
            "aag-evaluate = aag_tf.commands.evaluate:run",
            "aag-finetune = aag_tf.commands.finetune:run",
            "aag-export = aag_tf.commands.export:run",
            "aag-pack = aag_tf.commands.pack:run",
            "aag-embed = aag_tf.commands.embed:run",
            "aag-search = aag_tf.commands.search:run",
            "aag-predict = aag_tf.commands.predict:run",
        ]
    },
)
