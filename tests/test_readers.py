"""Everything that reads downloaded files keeps the laws of the installed suite, and no reader is forgotten."""

from __future__ import annotations

import ast
import gzip
import io
import json
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

from naslib_zc_plugin.benchmarks import (
    Table,
    benchmark,
    convert_benchmark,
    darts,
    flexibert,
    nasbench101,
    nasbench201,
    nasbench_nlp,
    transnasbench101_micro,
    vit_bench,
)
from naslib_zc_plugin.benchmarks.nasbench201 import naslib_pickles
from naslib_zc_plugin.benchmarks.nds import NDS_AMOEBA
from naslib_zc_plugin.campaign.config import load_campaign
from naslib_zc_plugin.campaign.naslib_json import import_suite
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files.packed import Packer, unpack
from naslib_zc_plugin.probes import Tokens, probe
from tests.benchmarks import bert, cells, made, naslib, nats, nds, tfrecords, zoo
from tests.campaign import suite
from tests.reader_laws import (
    ArchivedReader,
    ChecksummedReader,
    CountedReader,
    PickledReader,
    ReaderConformance,
    TaggedReader,
)

PACKAGE = Path(__file__).resolve().parents[1] / "naslib_zc_plugin"
ROOMS = ("probes", "benchmarks")
# Calls by which a module of these rooms gets at a file's content; `readable` surrounds the decoders.
READS = set(
    "open read_pickle read_pickles read_bytes read_text read_table ParquetFile extractfile readable fromfile "
    "lines_of read_json parsed JsonText tar_members open_zip read_member npy_array".split()
)


def _modules_that_read() -> set[str]:
    found = set()
    for room in ROOMS:
        for path in (PACKAGE / room).rglob("*.py"):
            calls = [n.func for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
            names = {c.attr if isinstance(c, ast.Attribute) else getattr(c, "id", "") for c in calls}
            if names & READS and path.name != "__init__.py":
                found.add(".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    return found


def _subclasses(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)


def test_no_reader_is_forgotten() -> None:
    tested = {name for one in _subclasses(ReaderConformance) if hasattr(one, "reader") for name in one.reader.split()}
    reading = _modules_that_read()
    assert {"probes.npz", "probes.cifar", "probes.imagenet16", "benchmarks.nasbench201.convert"} <= reading
    assert reading <= tested
    # A benchmark's own folder says what its table is; the reading is done for all of them in one place.
    own = {path.parent.name for path in (PACKAGE / "benchmarks").glob("*/__init__.py")}
    assert own <= {name.split(".")[1] for name in tested if name.startswith("benchmarks.")}


def _shown(source: Path, **options: Any) -> tuple[Any, ...]:
    p = probe(source, **options)
    return p.name, p.classes, p.images.dtype, p.images.shape, p.images.tobytes(), p.labels.tolist()


class TestNpz(ChecksummedReader, CountedReader, ArchivedReader, PickledReader):
    reader = "probes.npz"

    def make(self, folder: Path, **changes: Any) -> Path:
        rng = np.random.default_rng(0)
        arrays = {"images": rng.integers(0, 256, (6, 8, 8, 3), np.uint8), "labels": np.arange(6) % 3, **changes}
        np.savez_compressed(folder / "images.npz", **arrays)
        return folder / "images.npz"

    def read(self, source: Path) -> Any:
        return _shown(source)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        for n in (0, 5, 7):
            yield self.make(folder, labels=np.zeros(n, int))

    def packed(self, folder: Path, prefix: str) -> Path:
        with zipfile.ZipFile(self.make(folder)) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(folder / "images.npz", "w") as archive:
            for name, content in contents.items():
                archive.writestr((prefix if name == "labels.npy" else "") + name, content)
        return folder / "images.npz"

    def pickled(self, folder: Path, payload: Any, protocol: int) -> Path:
        return self.make(folder, labels=np.array([payload] * 6, dtype=object))


class TestPackedTable(ChecksummedReader, CountedReader, PickledReader):
    reader = "files.packed"

    def make(self, folder: Path, rows: int = 40, **changes: Any) -> Path:
        packer, values = Packer(40, {"name": "toy"}), np.random.default_rng(0).uniform(1, 90, 40)
        packer.classes("same", np.arange(40) // 2)
        packer.step("accuracy", values, per=100)
        packer.ratio("latency", values[np.arange(40) // 2 * 2], per=100, classes="same")
        packer.order("score", np.where(values > 20, values, np.nan))
        packer.rows = rows
        packer.write(folder / "toy.npz")
        if changes:
            with np.load(folder / "toy.npz") as whole:
                arrays = {**whole, **changes}
            np.savez_compressed(folder / "toy.npz", **arrays)
        return folder / "toy.npz"

    def read(self, source: Path) -> Any:
        found = unpack(source)
        return found.about, {name: values.tobytes() for name, values in found.columns.items()}

    def miscounted(self, folder: Path) -> Iterator[Path]:
        for rows in (0, 39, 41):
            yield self.make(folder, rows)
        yield self.make(folder, **{"same.codes": np.full((1, 40), 200, np.uint8)})
        yield self.make(folder, **{"same.codes": np.full((8, 40), 127, np.uint8)})

    def pickled(self, folder: Path, payload: Any, protocol: int) -> Path:
        return self.make(folder, **{"accuracy.codes": np.array([payload] * 40, dtype=object)})


class TestCifarArchive(ChecksummedReader, CountedReader, ArchivedReader):
    reader = "probes.cifar"

    def make(self, folder: Path, records: int = 10_000, prefix: str = "") -> Path:
        rows = np.zeros((records, 3_073), np.uint8)
        rows[:50] = np.random.default_rng(0).integers(0, 10, (min(records, 50), 3_073), np.uint8)
        path = folder / "cifar-10-binary.tar.gz"
        unpacked = io.BytesIO()
        with tarfile.open(fileobj=unpacked, mode="w") as archive:
            info = tarfile.TarInfo(f"{prefix}cifar-10-batches-bin/test_batch.bin")
            info.size = rows.size
            archive.addfile(info, io.BytesIO(rows.tobytes()))
        path.write_bytes(gzip.compress(unpacked.getvalue(), 1, mtime=0))
        return path

    def read(self, source: Path) -> Any:
        return _shown(source, split="test")

    def miscounted(self, folder: Path) -> Iterator[Path]:
        for records in (0, 9_999, 10_001):
            yield self.make(folder, records)

    def packed(self, folder: Path, prefix: str) -> Path:
        return self.make(folder, prefix=prefix)


class TestCifarFolder(CountedReader):
    reader = "probes.cifar"

    def make(self, folder: Path, records: int = 10_000) -> Path:
        unpacked = folder / "cifar-10-batches-bin"
        unpacked.mkdir(exist_ok=True)
        (unpacked / "test_batch.bin").write_bytes(bytes(3_073 * records))
        return unpacked

    def read(self, source: Path) -> Any:
        return _shown(source, split="test")

    def miscounted(self, folder: Path) -> Iterator[Path]:
        for records in (0, 9_999, 10_001):
            yield self.make(folder, records)


class TestImageNet16(CountedReader, PickledReader):
    reader = "probes.imagenet16"

    def make(self, folder: Path, protocol: int = 2, **changes: Any) -> Path:
        data = np.random.default_rng(0).integers(0, 256, (5, 768), dtype=np.uint8)
        content = {"data": data, "labels": [1, 1000, 120, 121, 7], **changes}
        (folder / "val_data").write_bytes(pickle.dumps(content, protocol))
        return folder / "val_data"

    def read(self, source: Path) -> Any:
        return _shown(source)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        for labels in ([], [1] * 4, [1] * 6):
            yield self.make(folder, labels=labels)

    def pickled(self, folder: Path, payload: Any, protocol: int) -> Path:
        return self.make(folder, protocol, labels=[1, 2, 3, 4, payload])


class _Benchmark(CountedReader):
    def read(self, source: Path) -> Any:
        found = benchmark(source.parent.name, source.parents[1])
        return found.keys, {name: found.column(name) for name in found.columns}


class TestNasbench201(_Benchmark, ChecksummedReader):
    reader = "benchmarks.nasbench201 benchmarks._formats"

    def make(self, folder: Path) -> Path:
        return made.written(folder, made.nasbench201_columns())

    def read(self, source: Path) -> Any:
        """Without the table in the package, which stands in for one that is missing."""
        found = replace(nasbench201.TABLE, embedded=None).read(source.parents[1])
        return found.keys, {name: found.column(name) for name in found.columns}

    def miscounted(self, folder: Path) -> Iterator[Path]:
        columns = made.nasbench201_columns()
        rows = np.arange(nasbench201.ROWS)
        for wrong in (rows[1:], np.append(rows, rows[-1]), np.append(rows[1:], 0), np.append(rows[1:], 1)):
            yield made.unchecked(folder, {name: np.asarray(values)[wrong] for name, values in columns.items()})


class TestNasbench101(_Benchmark):
    reader = "benchmarks.nasbench101"

    def make(self, folder: Path) -> Path:
        return made.written(folder, made.nasbench101_columns(60), nasbench101.TABLE)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        columns = made.nasbench101_columns(60)
        for wrong in (slice(1, None), np.append(np.arange(1, 60), 1)):
            part = {name: np.asarray(values)[wrong] for name, values in columns.items()}
            yield made.unchecked(folder, part, nasbench101.TABLE, **{"naslib_zc_plugin.partial": "60"})


class TestNasbench101Records(ChecksummedReader, CountedReader):
    reader = "benchmarks.nasbench101.convert"

    def make(self, folder: Path) -> Path:
        return tfrecords.write(folder / "nasbench_only108.tfrecord", tfrecords.content((108,)))

    def read(self, source: Path) -> Any:
        convert_benchmark("nasbench101", source, source.parent / "data", partial=True)
        found = nasbench101.TABLE.read(source.parent / "data")
        return found.keys, {name: found.column(name) for name in found.columns}

    def tidy(self, source: Path) -> None:
        shutil.rmtree(source.parent / "data", ignore_errors=True)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        yield tfrecords.write(folder / "more.tfrecord", [*tfrecords.content((108,)), tfrecords.record(0, 108, 0)])
        yield tfrecords.write(folder / "none.tfrecord", [])


class _Nats(CountedReader, PickledReader):
    """Converted beside the source; what is read are the table's numbers."""

    reader = "benchmarks.nasbench201.convert"
    protocols = (4,)

    def infos(self) -> dict[int, Any]:
        return {number: nats.results(number, epochs=20) for number in nats.NUMBERS[:2]}

    def write(self, folder: Path, infos: dict[int, Any], protocol: int = 4) -> Path:
        """The source with these results."""
        raise NotImplementedError

    def make(self, folder: Path) -> Path:
        return self.write(folder, self.infos())

    def read(self, source: Path) -> Any:
        convert_benchmark("nasbench201", source, source.parent / "data", partial=True)
        found = nasbench201.TABLE.read(source.parent / "data")
        return found.keys, {name: found.column(name) for name in found.columns}

    def tidy(self, source: Path) -> None:
        shutil.rmtree(source.parent / "data", ignore_errors=True)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        infos = self.infos()
        for number, (name, wrong) in enumerate(
            {
                "none": {},
                "out of range": {**infos, 15_625: infos[3]},
                "another's results": {**infos, 4: infos[3]},
                "no long training": {**infos, 3: {"12": infos[3]["12"]}},
            }.items()
        ):
            inner = folder / f"{number} {name}"
            inner.mkdir()
            yield self.write(inner, wrong)

    def pickled(self, folder: Path, payload: Any, protocol: int) -> Path:
        infos = self.infos()
        infos[3]["200"]["all_results"]["cifar10", 777]["net_state_dict"] = payload
        return self.write(folder, infos, protocol)


class TestNatsFile(_Nats, ChecksummedReader):
    protocols = (0, 2, 4)

    def write(self, folder: Path, infos: dict[int, Any], protocol: int = 4) -> Path:
        return nats.one_file(folder / "NATS-tss.pickle.pbz2", infos, protocol)


class TestNatsFolder(_Nats, ChecksummedReader):
    def write(self, folder: Path, infos: dict[int, Any], protocol: int = 4) -> Path:
        return nats.folder(folder / "NATS-tss-simple", infos, protocol)


class TestNatsArchive(_Nats, ChecksummedReader, ArchivedReader):
    cuts = (0.001, 0.1, 0.5, 0.7)  # the last tenths are filling: without them nothing is lost

    def write(self, folder: Path, infos: dict[int, Any], protocol: int = 4, prefix: str = "") -> Path:
        unpacked = nats.folder(folder / "NATS-tss-simple", infos, protocol)
        source = nats.tar(folder / "NATS-tss-simple.tar", unpacked, prefix)
        shutil.rmtree(unpacked)
        return source

    def packed(self, folder: Path, prefix: str) -> Path:
        return self.write(folder, self.infos(), prefix=prefix)


class _NatsTorch(_Nats):
    protocols = (2,)
    zipped: bool

    def write(self, folder: Path, infos: dict[int, Any], protocol: int = 2) -> Path:
        path = folder / "NAS-Bench-201.pth"
        torch.save(nats.meta(nats.older(infos)), path, pickle_protocol=2, _use_new_zipfile_serialization=self.zipped)
        return path


class TestNatsTorch(_NatsTorch, ChecksummedReader):
    zipped = True


class TestNatsOldTorch(_NatsTorch):
    zipped = False


class _Naslib(CountedReader, PickledReader):
    """NASLib's pickles, converted beside the source."""

    reader = "benchmarks.nasbench201.naslib_pickles"
    protocols = (0, 2, 4)

    def make(self, folder: Path) -> Path:
        return naslib.write(folder, naslib.content())

    def read(self, source: Path) -> Any:
        convert_benchmark("nasbench201_naslib", source, source.parent / "data", partial=True)
        found = naslib_pickles.TABLE.read(source.parent / "data")
        return found.keys, {name: found.column(name) for name in found.columns}

    def tidy(self, source: Path) -> None:
        shutil.rmtree(source.parent / "data", ignore_errors=True)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        for epochs in (0, 199, 201):
            short = {"cifar10-valid": naslib.results(3, "cifar10-valid", epochs)}
            yield naslib.write(folder, {**naslib.content(), nats.ORDER[3]: short})
        yield naslib.write(folder, {})

    def pickled(self, folder: Path, payload: Any, protocol: int) -> Path:
        return naslib.write(folder, {**naslib.content(), nats.ORDER[9]: payload}, protocol=protocol)


class TestNaslibPickle(_Naslib):
    pass


class TestNaslibFolder(_Naslib):
    def make(self, folder: Path) -> Path:
        return super().make(folder / "files").parent


class TestNasBenchBert(CountedReader):
    """Converted beside the source; what is read are the table's numbers."""

    reader = "benchmarks.flexibert.convert"

    def make(self, folder: Path) -> Path:
        return bert.write(folder, bert.content())

    def read(self, source: Path) -> Any:
        convert_benchmark("flexibert", source, source.parent / "data")
        found = flexibert.TABLE.read(source.parent / "data")
        return found.keys, {name: found.column(name) for name in found.columns}

    def tidy(self, source: Path) -> None:
        shutil.rmtree(source.parent / "data", ignore_errors=True)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        rows = bert.content()
        for wrong in ([], rows[1:], [*rows, rows[0]], [rows[1], rows[0], *rows[2:]], {"rows": rows}):
            yield bert.write(folder, wrong)


class TestNasBenchBertTable(_Benchmark, ChecksummedReader):
    reader = "benchmarks.flexibert benchmarks._formats"

    def make(self, folder: Path) -> Path:
        return convert_benchmark("flexibert", bert.write(folder, bert.content()), folder)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        lines = gzip.decompress(self.make(folder).read_bytes()).splitlines(keepends=True)
        for wrong in (lines[1:], [*lines, lines[0]], [lines[1], lines[0], *lines[2:]]):
            path = folder / flexibert.TABLE.file
            path.write_bytes(gzip.compress(b"".join(wrong)))
            yield path


class TestNds(CountedReader):
    """One space's file stands for all six, which share the reader."""

    reader = "benchmarks.nds.convert"

    def make(self, folder: Path) -> Path:
        return nds.write(folder, nds.jobs(NDS_AMOEBA))

    def read(self, source: Path) -> Any:
        convert_benchmark("nds_amoeba", source, source.parent / "data", partial=True)
        found = NDS_AMOEBA.read(source.parent / "data")
        return found.keys, {name: found.column(name) for name in found.columns}

    def tidy(self, source: Path) -> None:
        shutil.rmtree(source.parent / "data", ignore_errors=True)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        jobs = nds.jobs(NDS_AMOEBA)
        for wrong in ([], jobs + jobs[:1], {"top": jobs, "mid": jobs[2:3]}, [{**jobs[0], "test_ep_top1": []}]):
            yield nds.write(folder, wrong)


class TestTimm(CountedReader):
    """Converted beside the source; what is read are the table's numbers."""

    reader = "benchmarks.timm.convert benchmarks.timm"

    def make(self, folder: Path) -> Path:
        return zoo.write(folder)

    def read(self, source: Path) -> Any:
        convert_benchmark("timm", source, source.parent / "data")
        found = benchmark("timm", source.parent / "data")
        return found.keys, {name: found.column(name) for name in found.columns}

    def tidy(self, source: Path) -> None:
        shutil.rmtree(source.parent / "data", ignore_errors=True)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        names, first, *rest = zoo.RESULTS.splitlines(keepends=True)
        for wrong in ([], [names], [names, first, first, *rest], [names, first[:30]]):
            (folder / "results-imagenet.csv").write_text("".join(wrong), encoding="utf-8")
            yield folder / "results-imagenet.csv"


class _Rows(_Benchmark):
    """A table in Parquet of some rows, whose keys the space must know."""

    table: ClassVar[Table]
    columns: ClassVar[dict[str, list[Any]]]

    def make(self, folder: Path, columns: dict[str, list[Any]] | None = None) -> Path:
        path = folder / self.table.file
        path.parent.mkdir(exist_ok=True)
        made = pyarrow.table(self.columns if columns is None else columns)
        pyarrow.parquet.write_table(made, path, write_page_checksum=True)
        return path

    def read(self, source: Path) -> Any:
        found = self.table.read(source.parents[1])
        return found.keys, {name: found.column(name) for name in found.columns}

    def miscounted(self, folder: Path) -> Iterator[Path]:
        first = {name: values[:1] * 2 for name, values in self.columns.items()}
        wrong = {**self.columns, self.table.key: ["none", *self.columns[self.table.key][1:]]}
        for columns in (first, wrong):
            yield self.make(folder, columns)


_EDGES = [[["sep_conv_3x3", 0], ["none", 1]] * 4, [["skip_connect", 1], ["sep_conv_5x5", 0]] * 4]


class TestDarts(_Rows):
    reader, table = "benchmarks.darts", darts.TABLE
    columns: ClassVar[dict[str, list[Any]]] = {
        "genotype": [
            json.dumps({"normal": e, "normal_concat": [2, 3, 4, 5], "reduce": e, "reduce_concat": [2, 3, 4, 5]})
            for e in _EDGES
        ],
        "test_acc": [80.0, 85.5],
    }


class TestTransNasBench101(_Rows):
    reader, table = "benchmarks.transnasbench101_micro", transnasbench101_micro.TABLE
    columns: ClassVar[dict[str, list[Any]]] = {
        "space_key": ["64-41414-1_02_333", "64-41414-3_10_123"],
        "naslib_key": ["(1, 0, 2, 3, 3, 3)", "(3, 1, 0, 1, 2, 3)"],
        "class_scene_val": [54.0, 50.0],
        "autoencoder_val": [0.5, 0.4],
        "jigsaw_val": [94.0, 90.0],
    }


class TestVitBench(_Rows):
    reader, table = "benchmarks.vit_bench", vit_bench.TABLE
    columns: ClassVar[dict[str, list[Any]]] = {
        "architecture": [
            json.dumps({"hidden_dim": 192, "mlp_ratio": [3.5] * 12, "num_heads": [3, 4] * 6, "depth": 12}),
            json.dumps({"base_dim": 32, "mlp_ratio": 4, "depth": [2, 6, 4], "num_heads": [2, 4, 8]}),
        ],
        "space": ["autoformer", "pit"],
        "file": ["gt_autoformer", "gt_pit"],
        "c100_base_acc": [70.0, 71.5],
        "c100_kd_acc": [75.0, None],
        "imagenet_super_acc": [74.0, None],
    }


class TestNasBenchNlp(ArchivedReader):
    """Converted beside the source; what is read are the table's numbers."""

    reader = "benchmarks.nasbench_nlp.convert"

    def make(self, folder: Path) -> Path:
        return cells.write(folder, cells.logs())

    def read(self, source: Path) -> Any:
        convert_benchmark("nasbench_nlp", source, source.parent / "data", partial=True)
        found = nasbench_nlp.TABLE.read(source.parent / "data")
        return found.keys, {name: found.column(name) for name in found.columns}

    def tidy(self, source: Path) -> None:
        shutil.rmtree(source.parent / "data", ignore_errors=True)

    def packed(self, folder: Path, prefix: str) -> Path:
        return cells.write(folder, cells.logs(), prefix)


class TestNasBenchNlpTable(_Benchmark, ChecksummedReader):
    reader = "benchmarks.nasbench_nlp benchmarks._formats"

    def make(self, folder: Path) -> Path:
        return convert_benchmark("nasbench_nlp", cells.write(folder, cells.logs()), folder, partial=True)

    def miscounted(self, folder: Path) -> Iterator[Path]:
        lines = gzip.decompress(self.make(folder).read_bytes()).splitlines(keepends=True)
        for wrong in (lines[1:], [*lines, lines[1]], [lines[0], lines[2], lines[1], *lines[3:]]):
            path = folder / nasbench_nlp.TABLE.file
            path.write_bytes(gzip.compress(b"".join(wrong)))
            yield path


class TestWords(ReaderConformance):
    reader = "probes.text"

    def make(self, folder: Path) -> Path:
        path = folder / "text.txt"
        path.write_text("".join(f"w{number} and w{number % 7}\n" for number in range(12)), encoding="utf-8")
        return path

    def read(self, source: Path) -> Any:
        found = probe(source, columns=6, length=7)
        assert isinstance(found, Tokens) and found.targets is not None
        return found.tokens.tolist(), found.targets.tolist(), found.vocabulary_size


class TestWordPiece(ReaderConformance):
    """The text is what is damaged; a vocabulary that is none is tried in its own test."""

    reader = "probes.text"

    @pytest.fixture(autouse=True)
    def library(self) -> None:
        pytest.importorskip("tokenizers")

    def make(self, folder: Path) -> Path:
        source = folder / "texts"
        source.mkdir(exist_ok=True)
        (source / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n##b\n", encoding="utf-8")
        (source / "text.txt").write_text("a ab b a b " * 20 + "\n", encoding="utf-8")
        return source

    def read(self, source: Path) -> Any:
        found = probe(source, length=9)
        assert isinstance(found, Tokens)
        return found.tokens.tolist(), found.vocabulary_size, found.targets


class TestScoresInNaslibsForm(ReaderConformance):
    reader = "campaign.suite_import"

    def make(self, folder: Path) -> Path:
        return suite.write(folder)

    def read(self, source: Path) -> Any:
        tables = map(read_table, import_suite(source, "nasbench201", source.parent / "data"))
        return [(t.keys, {name: c.values[c.status == 1].tolist() for name, c in t.columns.items()}) for t in tables]

    def tidy(self, source: Path) -> None:
        shutil.rmtree(source.parent / "data", ignore_errors=True)


class TestCampaignConfiguration(TaggedReader):
    reader = "campaign.config"

    def make(self, folder: Path, seed: str = "0") -> Path:
        path = folder / "campaign.yaml"
        lines = ["space: nasbench201", "architectures: 3", "images: digits", "proxies: [naswot]", "preset: mellor"]
        path.write_text("\n".join([*lines, f"seed: {seed}"]), encoding="utf-8")
        return path

    def read(self, source: Path) -> Any:
        return load_campaign(source)

    def tagged(self, folder: Path, value: str) -> Path:
        return self.make(folder, value)
