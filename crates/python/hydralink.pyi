"""Links accounts that share infrastructure and finds the proxy networks among them.

Evidence is in bits, shares are from 0 to 1, times are UTC. Nothing is cut short unless `top` says so.
"""

from collections.abc import Callable, Sequence
from datetime import date
from os import PathLike
from pathlib import PurePath
from typing import Any, Literal, Protocol, TypeAlias, overload

__version__: str

class ArrowStream(Protocol):
    """A table or stream of pyarrow, polars, pandas, duckdb, or anything else that speaks Arrow's PyCapsule protocol."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class Series(Protocol):
    """A Series of polars or pandas."""

    def __len__(self) -> int: ...
    def __getitem__(self, at: Any, /) -> Any: ...

class Dataset(Protocol):
    """A Dataset of pyarrow, which is read batch by batch."""

    def scanner(self, **options: Any) -> Any: ...

class LazyFrame(Protocol):
    """A LazyFrame of polars, which is collected."""

    def collect(self) -> Any: ...
    def collect_schema(self) -> Any: ...

Path: TypeAlias = str | PathLike[str]
Rows: TypeAlias = ArrowStream | Dataset | LazyFrame
Events: TypeAlias = Path | Rows | Sequence[Path | Rows]
NetworkId: TypeAlias = str | int
"""A network's id (`PN-...`) or its rank, from 1."""
Progress: TypeAlias = Callable[[str, int | None, int | None], object]
"""Called as `progress(phase, done, total)`; an exception in it stops the work."""
Time: TypeAlias = str | date
"""A day in UTC (`2026-03-03`, or a date), or a moment: RFC 3339, or a datetime, in UTC if it has no zone."""
Level: TypeAlias = Literal["full", "analyst", "redact"]
Record: TypeAlias = dict[str, Any]
"""What the command line prints with `--format json`."""
Pair: TypeAlias = Sequence[str] | Sequence[int]
"""Two accounts."""
Names: TypeAlias = str | int | Sequence[str] | Sequence[int] | Sequence[Record] | Record | Series | Rows
"""Accounts or identifiers: one name, several (a whole number is the id of an account), or what another call answered (`members()`, `plan_bans()`, `expand()`, `ego()`), as a table with
a column `account_id`, `node`, `target` or `identifier`, or as records with such a key."""

class HydralinkError(Exception):
    """Why a call failed: where, what was expected, what was found, and what to try. `kind` is a word for it that stays when a
    message changes."""

    kind: str

class InputError(HydralinkError):
    """The input can't be read, or the question can't be answered as asked."""

class UnknownIdError(HydralinkError):
    """The store has no such account, identifier, network or kind."""

    what: str
    suggestions: list[str]

class NotDetectedError(HydralinkError):
    """The store has no networks yet: call `Store.detect()`."""

class RefusedError(HydralinkError):
    """It could be done and isn't: a wrong or unsafe key, raw card numbers, a store that another process is writing, events with
    what `fail_on` names (`drift` says what and where)."""

    drift: list[Record]

class StoreError(HydralinkError):
    """The path is no store, or the store is damaged or of a newer version."""

class Table:
    """An answer as an Arrow table that may be larger than memory: rows are made while they are read, and it can be read again."""

    @property
    def columns(self) -> list[str]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

def open(path: Path, *, key_file: Path | None = None, level: Level = "full") -> Store: ...
def build(
    events: Events,
    *,
    output: Path,
    accounts: Path | Rows | None = None,
    releases: Path | Rows | None = None,
    allow: Path | Rows | None = None,
    map: Path | Record | None = None,
    trusted_proxies: int | str | None = None,
    key_file: Path | None = None,
    schema: Literal["auto", "strict"] = "auto",
    allow_kinds: bool = False,
    tz: str = "UTC",
    rejects: Path | None = None,
    max_bad: float = 0.001,
    card_tokens: bool = False,
    enrich: Sequence[str] | None = None,
    memory_limit: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Store: ...
def profile(
    events: Events,
    *,
    accounts: Path | Rows | None = None,
    releases: Path | Rows | None = None,
    allow: Path | Rows | None = None,
    map: Path | Record | None = None,
    trusted_proxies: int | str | None = None,
    schema: Literal["auto", "strict"] = "auto",
    allow_kinds: bool = False,
    tz: str = "UTC",
    rejects: Path | None = None,
    max_bad: float = 0.001,
    card_tokens: bool = False,
    enrich: Sequence[str] | None = None,
    memory_limit: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Record: ...
def synth(
    directory: Path,
    *,
    tier: Literal["xs", "s", "m", "l"] = "s",
    seed: int = 1,
    null: bool = False,
    evasive: bool = False,
    events: Literal["parquet", "csv"] = "parquet",
    progress: Progress | None = None,
) -> Record: ...
def redteam(
    *,
    tier: Literal["xs", "s", "m", "l"] = "s",
    budget: Sequence[float] | None = None,
    evasion: Sequence[Literal["static_address", "virtual_card", "paraphrase", "jitter", "warm_up", "all"]] | None = None,
    seed: int = 1,
    seeds: int = 1,
    progress: Progress | None = None,
) -> list[Record]: ...
def default_config() -> Record: ...
def diff(before: Store, after: Store) -> list[Record]: ...

class Store:
    """A store on disk: what `build()` wrote and `open()` opens. Each call reads it as it is then."""

    @property
    def folder(self) -> PurePath: ...
    @property
    def build_summary(self) -> Record | None: ...
    @property
    def detected(self) -> bool: ...
    @property
    def kinds(self) -> list[str]: ...
    def __fspath__(self) -> str: ...
    def _repr_html_(self) -> str: ...

    # events in
    def update(
        self,
        events: Events | None = None,
        *,
        detect: bool = False,
        fail_on: Sequence[str] = (),
        dry_run: bool = False,
        accounts: Path | Rows | None = None,
        releases: Path | Rows | None = None,
        allow: Path | Rows | None = None,
        map: Path | Record | None = None,
        trusted_proxies: int | str | None = None,
        schema: Literal["auto", "strict"] = "auto",
        allow_kinds: bool = False,
        tz: str | None = None,
        rejects: Path | None = None,
        max_bad: float = 0.001,
        card_tokens: bool = False,
        enrich: Sequence[str] | None = None,
        memory_limit: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Record: ...
    def as_of(self, time: Time, *, output: Path, progress: Progress | None = None) -> Store: ...

    # networks
    def detect(
        self,
        *,
        config: Path | Record | None = None,
        seed: int | None = None,
        rule: str | Sequence[str] | None = None,
        rules: Path | None = None,
        must: Sequence[Pair] | None = None,
        cannot: Sequence[Pair] | None = None,
        good: Names | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Store: ...
    def networks(self, *, top: int = 0, all: bool = False, where: str | None = None) -> Table: ...
    @overload
    def network(self, id: NetworkId, *, format: Literal["json"] = "json") -> Record: ...
    @overload
    def network(self, id: NetworkId, *, format: Literal["markdown"]) -> str: ...
    @overload
    def assess(self, accounts: Names, *, format: Literal["json"] = "json") -> Record: ...
    @overload
    def assess(self, accounts: Names, *, format: Literal["markdown"]) -> str: ...
    def members(self, network: NetworkId | None = None, *, ambiguous: bool = False, where: str | None = None) -> Table: ...
    def evidence(self, network: NetworkId | None = None, *, all: bool = False) -> Table: ...
    def hubs(self, *, kind: str | None = None, top: int = 0, where: str | None = None) -> Table: ...
    def sightings(self, network: NetworkId | None = None) -> Table: ...
    def review(self, hours: float, *, minutes_a_network: float = 20.0, minutes_an_account: float = 0.0) -> Record: ...
    def components(
        self,
        *,
        kind: Sequence[str] | None = None,
        max_degree: int | None = None,
        sweep: bool = False,
        detected: bool = False,
        top: int = 0,
    ) -> list[Record]: ...
    def communities(
        self,
        *,
        algorithm: Literal["leiden", "louvain"] = "leiden",
        quality: Literal["modularity", "cpm", "barber"] = "modularity",
        resolution: float = 1.0,
        seed: int = 1,
        converge: bool = False,
        top: int = 0,
    ) -> list[Record]: ...
    def resolution_sweep(
        self,
        resolutions: Sequence[float] | None = None,
        *,
        algorithm: Literal["leiden", "louvain"] = "leiden",
        quality: Literal["modularity", "cpm", "barber"] = "modularity",
        seed: int = 1,
        converge: bool = False,
        progress: Progress | None = None,
    ) -> list[Record]: ...
    def lineage(
        self, id: NetworkId | None = None, *, events: bool = False, since: int | Time | None = None, settled: int | None = None
    ) -> Any: ...

    # nodes, and what joins them
    @overload
    def show(self, node: str) -> Record: ...
    @overload
    def show(self, node: Names) -> Any: ...
    def neighbors(self, node: str, *, kind: str | None = None, top: int = 0, where: str | None = None) -> list[Record]: ...
    def ego(self, node: str, *, hops: int = 2, max_degree: int = 100, max_nodes: int = 1000) -> Record: ...
    def top(
        self,
        *,
        by: Literal["degree", "accounts", "events", "bits"] = "degree",
        kind: str | None = None,
        top: int = 20,
        where: str | None = None,
    ) -> list[Record]: ...
    def path(self, first: str, second: str, *, k: int = 1) -> list[Record]: ...
    def common(self, first: str, second: str, *, top: int = 0) -> list[Record]: ...
    def why(
        self, first: str, second: str, *, prior_same_operator: float | None = None, significance: bool = False
    ) -> Record: ...
    def why_not(self, first: str, second: str) -> Record:
        """Of two accounts, or of an account and the id of a network."""
    @overload
    def appeal(self, account: str, *, significance: bool = False, format: Literal["json"] = "json") -> Record: ...
    @overload
    def appeal(self, account: str, *, significance: bool = False, format: Literal["markdown"]) -> str: ...
    def how(self, id: NetworkId) -> Record: ...
    def cohesion(self, id: NetworkId, *, alpha: int = 2, beta: int = 2) -> Record: ...
    def overlap(self, first_id: NetworkId, second_id: NetworkId, *, top: int = 0) -> list[Record]: ...
    def expand(self, seeds: Names, *, good: Names | None = None, top: int = 0) -> Record: ...
    def link(
        self,
        *,
        rule: str | Sequence[str] | None = None,
        rules: Path | None = None,
        must: Sequence[Pair] | None = None,
        cannot: Sequence[Pair] | None = None,
        good: Names | None = None,
    ) -> Record: ...
    def dense(self, *, blocks: int = 5, accounts_of: int | None = None) -> list[Record]: ...
    def lockstep(
        self,
        *,
        kind: str = "prompt_template_hash",
        accounts: int = 10,
        identifiers: int = 5,
        within: str = "1d",
        share: float = 0.8,
        accounts_of: int | None = None,
    ) -> Any: ...

    # judging
    def calibrate(
        self,
        copies: int = 20,
        *,
        seed: int = 1,
        at_most: float | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Record: ...
    def consensus(
        self,
        runs: int = 20,
        *,
        left_out: float = 0.1,
        seed: int = 1,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> None: ...
    def backtest(
        self,
        *,
        labels: Path | Rows | None = None,
        every: int = 24,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Record: ...
    def layers(self, *, resolution: float = 1.0, seed: int = 1, least_share: float = 0.02) -> Record: ...
    def evaluate(self, labels: Path | Rows, *, benign: Path | Rows | None = None, partial: bool = False) -> Record: ...
    def baselines(
        self,
        labels: Path | Rows,
        *,
        benign: Path | Rows | None = None,
        partial: bool = False,
        pair_budget: int = 50_000_000,
        progress: Progress | None = None,
    ) -> list[Record]: ...
    def fairness(self, labels: Path | Rows, *, benign: Path | Rows | None = None, partial: bool = False) -> list[Record]: ...
    def ablate(
        self, labels: Path | Rows, *, benign: Path | Rows | None = None, partial: bool = False, progress: Progress | None = None
    ) -> list[Record]: ...
    def verify(self, *, dossier: Record | None = None) -> Record: ...
    def info(self) -> Record: ...

    # acting
    def plan_bans(
        self,
        id: NetworkId,
        *,
        benign_budget: float = 1.0,
        identifier_actions: bool = False,
        as_if_unbanned: bool = False,
        allow_unflagged: bool = False,
    ) -> Record: ...
    def impact(self, nodes: Names, *, as_if_unbanned: bool = False) -> Record: ...
    def export(
        self,
        path: Path,
        *,
        format: Literal["graphml", "gexf", "csv", "parquet", "jsonl", "stix", "misp"] | None = None,
        network: NetworkId | Sequence[NetworkId] | None = None,
        all: bool = False,
        whole: bool = False,
        minimal: bool = False,
        project: bool = False,
        pair_budget: int = 50_000_000,
        max_nodes: int = 50_000,
        layout: bool = True,
        k: int = 1,
        color_by: Literal["network", "kind"] = "network",
        tlp: Literal["clear", "green", "amber", "amber+strict", "red"] = "amber",
        identity: str | None = None,
        max_benign: float = 0.1,
        force_hub: bool = False,
        progress: Progress | None = None,
    ) -> Record: ...
    def report(
        self,
        path: Path,
        *,
        network: NetworkId | Sequence[NetworkId] | None = None,
        max_nodes: int = 50_000,
        progress: Progress | None = None,
    ) -> int: ...
    def confirm(self, target: str, *, reviewer: str, reason: str, text: str | None = None) -> Record: ...
    def reject(self, target: str, *, reviewer: str, reason: str, text: str | None = None) -> Record: ...
    def note(self, target: str, text: str, *, reviewer: str, reason: str | None = None) -> Record: ...
    def move_case(
        self,
        target: str,
        state: Literal["new", "triage", "monitoring", "closed"],
        *,
        reviewer: str,
        reason: str | None = None,
        text: str | None = None,
    ) -> Record: ...
    def cases(self) -> list[Record]: ...
    def case_log(self, target: str | None = None) -> list[Record]: ...
    def case_four_eyes(self, accounts: int, *, reviewer: str) -> int: ...
    def case_verify(self, *, head: str | None = None) -> Record: ...
    def rekey(
        self, *, key_file: Path, new_key_file: Path, reviewer: str, progress: Progress | None = None
    ) -> Record: ...
    def forget(self, accounts: Names, *, reviewer: str, progress: Progress | None = None) -> Record: ...
    def lift(self, accounts: Names, *, reviewer: str) -> Record: ...
    def expire(
        self,
        *,
        before: Time | None = None,
        keep: str | None = None,
        dry_run: bool = False,
        allow_most: bool = False,
        progress: Progress | None = None,
    ) -> Record: ...
    def share(
        self, path: Path, *, group_key: Path, network: NetworkId | Sequence[NetworkId] | None = None, max_benign: float = 0.1
    ) -> Record: ...
    # `Store.match(path, *, group_key, expired=False)` finds what a group's indicators have in common with the store.
    def match(self, path: Path, *, group_key: Path, expired: bool = False) -> list[Record]: ...
