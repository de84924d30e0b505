"""The command line: one thin function a command.

Exit status: 0 done, 1 the thing asked about failed, 2 the input was wrong.
"""

from scenarios.interruption import INTERRUPTED, end_without_a_word, hold_back, raise_again

end_without_a_word()  # while the rest is imported; until the end of this module

import codecs
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scenarios import comparison, provenance, result
from scenarios.comparison import Best, Comparison
from scenarios.contacts import contacts_of, size_note
from scenarios.errors import InputError
from scenarios.json_schema import json_schema
from scenarios.loading import Loaded, load, shipped
from scenarios.result import Calibration, Precision, Result, WarmUp
from scenarios.variants import variants_of

if TYPE_CHECKING:
    from simulator.kept import Kept
    from simulator.parallel import Cluster

# Simulator, server, load test and report are imported by the commands that need them: `--help` stays quick.

app = typer.Typer(
    name="wavetank",
    help="Try messaging strategies and platforms on a simulated WhatsApp before one real message is sent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
scenarios_app = typer.Typer(help="List, show and check scenarios.", invoke_without_command=True)
app.add_typer(scenarios_app, name="scenarios")

out = Console(soft_wrap=True)
err = Console(stderr=True)

DEMO_FOLDER = Path("out/demo")
REPORT_FOLDER = Path("out")
CALIBRATION_REQUESTS = 300
UNFINISHED = "unfinished"  # subfolder with what an interrupted run has left
MOST_REPLICATIONS = 1000  # where --precision and --best give up
TABLE_WIDTH = 1000  # characters of a table that is not for a terminal

ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="Name of a shipped scenario, or a path to a TOML file.")
]
Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Override a parameter; may be given several times."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")]
Replications = Annotated[int | None, typer.Option(help="Independent runs behind each interval.")]
Seed = Annotated[int | None, typer.Option(help="Key of all random numbers.")]
Workers = Annotated[
    int,
    typer.Option(
        min=1, help="Processes that share the replications, as many as there are processors at most."
    ),
]
Backend = Annotated[
    Literal["loky", "dask", "ray"],
    typer.Option(help="What runs replications: processes of this machine (loky), or a cluster."),
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Of the cluster, as tcp://10.0.0.1:8786 for dask.")
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Run all anew; forget what an interrupted run has left.")
]
OutFolder = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Also write results there.")]


PLAIN = {"\N{MINUS SIGN}": "-", "±": "+-", "…": "..."}


class Stopped(Exception):
    """Ctrl-C during a command that says how to go on."""


def main() -> None:
    """Entry point: every wrong input is one line on stderr and exit status 2."""
    codecs.register_error(_in_plain_letters.__name__, _in_plain_letters)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 for the whole run
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_in_plain_letters.__name__)
    usage_error: Any = typer.BadParameter.__mro__[1]  # typer exports only this subclass of it
    try:
        status = app(standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except Stopped as stopped:
        err.print(str(stopped), markup=False, highlight=False, soft_wrap=True)
        sys.exit(INTERRUPTED)
    except usage_error as error:
        message = error.format_message()
        if message:  # empty when a command was left out: its help has been printed
            _fail(f"{message.rstrip('.')}; see wavetank --help")
        sys.exit(2)
    except OSError as error:
        _fail(f"{error.filename or 'input/output'}: {error.strerror or error}")
    except KeyboardInterrupt:  # before the first command was found
        status = INTERRUPTED
    if status == INTERRUPTED:
        err.print("stopped")
    sys.exit(status or 0)


def _fail(message: str) -> None:
    line = " ".join(f"wavetank: {message}".splitlines())  # a name may hold a line break
    err.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)


def _show_version(wanted: bool) -> None:
    if wanted:
        out.print(f"wavetank {version('wavetank')}", highlight=False)
        raise typer.Exit


@app.callback()
def wavetank(
    shows_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


@scenarios_app.callback()
def scenarios_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the shipped scenarios."""
    if context.invoked_subcommand is not None:
        return
    titles = {name: load(name).scenario.title for name in shipped()}
    if as_json:
        _print_json(titles)
        return
    for name, title in titles.items():
        out.print(f"[bold]{name}[/]  {title}")


@scenarios_app.command("show")
def scenarios_show(scenario: ScenarioName, settings: Settings = [], as_json: AsJson = False) -> None:
    """Every parameter with unit, value and source."""
    from reports.terminal import parameter_lines

    rows = provenance.rows(_fitted(load(scenario, settings)))
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        value, source = parameter_lines(row)
        out.print(value, style="bold", markup=False, highlight=False)
        out.print(source, markup=False, highlight=False)


@scenarios_app.command("check")
def scenarios_check(scenario: ScenarioName, settings: Settings = [], as_json: AsJson = False) -> None:
    """Validate a scenario, its contact file and its past orders; print what is fitted to them."""
    loaded = load(scenario, settings)
    contacts = contacts_of(loaded)
    malformed = sum(contact.e164 is None for contact in contacts)
    orders = _order_facts(loaded)
    _say_size(loaded)
    if as_json:
        facts = {"scenario": loaded.scenario.name, "contacts": len(contacts), "malformed_numbers": malformed}
        _print_json(facts | ({"orders": orders} if orders else {}))
        return
    out.print(
        f"{loaded.path.name}: ok. {loaded.scenario.name}: {len(contacts):,} contacts, "
        f"{malformed:,} with a malformed number ({malformed / len(contacts):.1%})"
    )
    if orders:
        out.print(f"{loaded.scenario.population.orders}: BG/NBD and order values as fitted")
    for name, value in orders.items():
        out.print(f"  {name} {value:,.6g}", highlight=False)


@scenarios_app.command("schema")
def scenarios_schema(as_json: AsJson = True) -> None:
    """JSON Schema of scenario files, for editors."""
    _print_json(json_schema())


@app.command()
def simulate(
    scenario: ScenarioName,
    settings: Settings = [],
    replications: Replications = None,
    seed: Seed = None,
    workers: Workers = 1,
    backend: Backend = "loky",
    scheduler: Scheduler = None,
    precision: Annotated[
        float | None,
        typer.Option(metavar="REL", help="Add replications until half an interval is REL of its mean."),
    ] = None,
    primary: Annotated[
        str | None, typer.Option(metavar="KPI", help="The KPI that --precision is about; else orders.")
    ] = None,
    max_replications: Annotated[
        int | None, typer.Option(min=2, help="Where --precision gives up; else 1000.")
    ] = None,
    trace: Annotated[
        str | None,
        typer.Option(metavar="customer:N|account:N", help="Only the events of one, in replication 1."),
    ] = None,
    fresh: Fresh = False,
    out_folder: OutFolder = None,
    as_json: AsJson = False,
) -> None:
    """Run a scenario in the simulator and print its KPIs with intervals.

    With --precision, exit 1 when it was not reached. After Ctrl-C the same command goes on.
    """
    cluster = _cluster(backend, scheduler)
    _belongs("--primary", primary, "--precision", precision)
    _belongs("--max-replications", max_replications, "--precision", precision)
    if trace is not None and (precision is not None or out_folder is not None):
        raise InputError(
            "--trace: prints the events of one run and nothing else; leave --precision and --out out"
        )
    loaded = load(scenario, _with_experiment(settings, replications, seed))
    if trace is not None:
        _print_trace(loaded, trace, as_json)
        return

    from reports.terminal import precision_line
    from simulator.run import simulate as run
    from simulator.statistics.precision import Goal

    budget = MOST_REPLICATIONS if max_replications is None else max_replications
    goal = None if precision is None else Goal(primary or "orders", precision, budget)
    total = loaded.scenario.experiment.replications if goal is None else goal.budget
    started = time.perf_counter()
    with _resumable(out_folder, fresh) as kept:
        with _progress("replications", total) as step:
            answer = run(loaded, workers=workers, cluster=cluster, progress=step, goal=goal, kept=kept)
        _say_speed(answer, time.perf_counter() - started, kept)
        _say_size(loaded)
        _hand_over(answer, out_folder, as_json)
    if isinstance(answer.precision, Precision):
        line = precision_line(answer.precision, answer.replications)
        err.print(line, markup=False, highlight=False, soft_wrap=True)
        if answer.precision.first is None:
            raise typer.Exit(1)


@app.command()
def compare(
    scenario: ScenarioName,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[VARIANT.toml]...", help="Files that extend it; each is named by its stem."),
    ] = None,
    stated: Annotated[
        list[str],
        typer.Option(
            "--variant", metavar="NAME:PATH=VALUE,...", help="A variant; may be given several times."
        ),
    ] = [],
    settings: Settings = [],
    replications: Replications = None,
    seed: Seed = None,
    workers: Workers = 1,
    backend: Backend = "loky",
    scheduler: Scheduler = None,
    best: Annotated[
        str | None,
        typer.Option(metavar="KPI", help="Find the one with the highest KPI, among base and variants."),
    ] = None,
    lowest: Annotated[bool, typer.Option("--lowest", help="--best is the one with the lowest.")] = False,
    indifference: Annotated[
        float | None,
        typer.Option(metavar="D", help="The least difference in the KPI of --best that matters."),
    ] = None,
    max_replications: Annotated[
        int | None, typer.Option(min=2, help="Where --best gives up; else 1000.")
    ] = None,
    fresh: Fresh = False,
    out_folder: OutFolder = None,
    as_json: AsJson = False,
) -> None:
    """Compare variants of a scenario with it under the same luck: paired differences with intervals.

    With --best, exit 1 when none could be chosen. After Ctrl-C the same command goes on.
    """
    cluster = _cluster(backend, scheduler)
    if best is not None and indifference is None:
        raise InputError(f"--best {best}: needs --indifference, the least difference in it that matters")
    _belongs("--lowest", lowest or None, "--best", best)
    _belongs("--indifference", indifference, "--best", best)
    _belongs("--max-replications", max_replications, "--best", best)
    settings = _with_experiment(settings, replications, seed)
    base = load(scenario, settings)
    variants = variants_of(base, stated, files or [], settings)

    from simulator.compare import compare as run
    from simulator.statistics.selection import Aim

    budget = MOST_REPLICATIONS if max_replications is None else max_replications
    aim = None if best is None or indifference is None else Aim(best, indifference, lowest, budget)
    total = (base.scenario.experiment.replications if aim is None else aim.budget) * (1 + len(variants))
    with _resumable(out_folder, fresh) as kept:
        with _progress("replications", total) as step:
            answer = run(base, variants, workers=workers, cluster=cluster, progress=step, kept=kept, aim=aim)
        _say_size(base)
        if out_folder is not None:
            _write_comparison(answer, out_folder)
        if as_json:
            _write_document(comparison.encode(answer))
        else:
            _print_comparison(answer)
    if isinstance(answer.best, Best) and answer.best.chosen is None:
        raise typer.Exit(1)


@app.command()
def serve(
    scenario: Annotated[
        str, typer.Option("--scenario", help="World and strategy of the server.")
    ] = "bulk_send",
    settings: Settings = [],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    db: Annotated[
        str, typer.Option(help="Database: a path, or the URL of a SQLite or PostgreSQL database.")
    ] = "wavetank.db",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; several need PostgreSQL.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="How many times faster its clock runs.")
    ] = 1.0,
) -> None:
    """Run the reference server with the emulated network; prints its token once."""
    load(scenario, settings)  # what is wrong with it is told before anything else
    options = {"host": host, "port": port, "db": db, "workers": workers, "speed": speed}
    # In this process, but without what only commands need, a seventh of the memory, and with one heap for all
    # threads, a megabyte; -P: in a folder with a server.py, ours.
    command = [sys.executable, "-P", "-m", "server", "--now"]
    command += [f"--{name}={value}" for name, value in options.items()]
    command += [f"--set={setting}" for setting in settings]
    hold_back()
    os.execve(sys.executable, [*command, "--", scenario], {"MALLOC_ARENA_MAX": "1", **os.environ})


@app.command()
def emulator(
    scenario: ScenarioName = "bulk_send",
    settings: Settings = [],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    speed: Annotated[float, typer.Option(help="Emulated seconds a real one.")] = 1.0,
    start: Annotated[
        str | None, typer.Option(metavar="DATE", help="When its clock starts, with the rules of that day.")
    ] = None,
    profile: Annotated[str, typer.Option(help="HTTP statuses of errors: modern, legacy, mixed.")] = "modern",
    customers: Annotated[str, typer.Option(help="Who answers: scenario, predictable.")] = "scenario",
    number_ids: Annotated[list[str], typer.Option("--phone-number-id", metavar="ID", help="Several.")] = [],
    webhook_url: Annotated[str | None, typer.Option(help="Where webhooks go.")] = None,
    verify_token: Annotated[str, typer.Option(help="Sent when a webhook address is verified.")] = "",
    app_secret: Annotated[
        str, typer.Option(envvar="WAVETANK_APP_SECRET", help="Signs webhooks; else one is made.")
    ] = "",
    allowed_hosts: Annotated[
        list[str], typer.Option("--allow-webhook", metavar="HOST", help="Besides loopback; several.")
    ] = [],
    batch_max: Annotated[int, typer.Option("--webhook-batch", help="Most updates in a webhook.")] = 1,
    connections: Annotated[int, typer.Option("--webhook-connections", help="1 keeps their order.")] = 16,
    throughput: Annotated[str, typer.Option(help="standard, upgraded, coexistence.")] = "standard",
    level: Annotated[int, typer.Option("--tier", help="Messaging limit: 0 lowest, 4 none.")] = 1,
    pair_reading: Annotated[str, typer.Option("--pair-rate", help="literal, bucket.")] = "literal",
    moved: Annotated[
        list[str],
        typer.Option("--place", metavar="CODE=PLACE", help="Where an error arrives: sync, webhook."),
    ] = [],
    pacing_threshold: Annotated[
        int | None,
        typer.Option("--template-pacing", metavar="N", help="Hold a new template's messages after N."),
    ] = None,
) -> None:
    """The emulated WhatsApp Business Cloud API alone, for your own bot or client library."""
    from server.network.graph.options import Options
    from server.network.graph.options import start as run

    options = Options(
        token=os.environ.get("WAVETANK_TOKEN"),
        host=host,
        port=port,
        speed=speed,
        start=start,
        profile=profile,
        customers=customers,
        number_ids=number_ids,
        webhook_url=webhook_url,
        verify_token=verify_token,
        app_secret=app_secret,
        allowed_hosts=allowed_hosts,
        batch_max=batch_max,
        connections=connections,
        throughput=throughput,
        level=level,
        pair_reading=pair_reading,
        moved=moved,
        pacing_threshold=pacing_threshold,
    )
    run(load(scenario, settings), options)


@app.command("load")
def load_test(
    scenario: ScenarioName,
    settings: Settings = [],
    target: Annotated[
        str | None,
        typer.Option(help="URL of a running server (its token in WAVETANK_TOKEN); else one is started."),
    ] = None,
    conversations: Annotated[int | None, typer.Option(min=1, help="Conversations held at once.")] = None,
    duration: Annotated[float | None, typer.Option(min=1, help="Measured seconds after the ramp.")] = None,
    out_folder: OutFolder = None,
    as_json: AsJson = False,
) -> None:
    """Hold conversations against a server; exit 1 when a service level is missed."""
    loaded = load(scenario, _with_load(settings, conversations, duration))
    if out_folder is not None:
        _check_folder(out_folder)
    answer = _load_test(loaded, target, settings, out_folder)
    _hand_over(answer, None, as_json)
    if not all(verdict.met for verdict in answer.verdicts):
        raise typer.Exit(1)


@app.command()
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders with a result.json.")],
    out_folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the page goes.")] = Path(
        "out"
    ),
) -> None:
    """Render results already on disk: a page and its figures."""
    from reports.page import write_report

    for folder in folders:
        if (folder / comparison.FILE_NAME).is_file() and not (folder / result.FILE_NAME).exists():
            raise InputError(
                f"{folder}: holds a comparison, whose table and figure compare has made; "
                "a page is of a simulation or a load test"
            )
    out.print(str(write_report([result.read(folder) for folder in folders], out_folder)))


@app.command()
def demo(
    out_folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where results go.")] = Path(
        "out/demo"
    ),
) -> None:
    """The main job on shipped input: simulate, load-test a server, write the report, print where."""
    from loadtests.calibration import calibrate
    from loadtests.target import own_server
    from reports.page import write_report
    from reports.summary import lines
    from simulator.run import simulate as run

    loaded = load("bulk_send")
    conversations = loaded.scenario.conversations
    _check_folder(out_folder)
    with tempfile.TemporaryDirectory(prefix="wavetank-") as folder:
        err.print("[bold]1/4[/] server: starting, and timing single requests")
        database = Path(folder) / "demo.db"
        with own_server(loaded.path, database=database, speed=conversations.clock_speed) as target:
            calibration = calibrate(target.url, target.token, loaded, CALIBRATION_REQUESTS)
        err.print("[bold]2/4[/] simulator: the campaign, and a prediction of the load test")
        with _progress("replications", loaded.scenario.experiment.replications) as step:
            simulated = run(loaded, workers=_cores(), calibration=calibration, progress=step)
        result.write(simulated, out_folder / "simulation")
    err.print(f"[bold]3/4[/] load test: {conversations.at_once:,} conversations at once")
    measured = _load_test(loaded, None, [], out_folder / "load", calibration)
    err.print("[bold]4/4[/] report")
    page = write_report([simulated, measured], out_folder)
    for line in lines([simulated, measured]):
        out.print(line, markup=False, highlight=False)
    out.print(f"report: {page.resolve()}", markup=False, highlight=False)


def _fitted(loaded: Loaded) -> Loaded:
    """With what past orders decide; the fit is imported only if there are any."""
    if loaded.orders_path is None:
        return loaded
    from simulator.customers.histories import fitted

    return fitted(loaded)


def _order_facts(loaded: Loaded) -> dict[str, float]:
    """What is fitted to the past orders; nothing without any."""
    if loaded.orders_path is None:
        return {}
    from simulator.customers.histories import known_of

    known = known_of(loaded)
    return known.facts() if known is not None else {}


def _print_trace(loaded: Loaded, subject: str, as_json: bool) -> None:
    from simulator.results.tracing import trace

    entries = trace(loaded, subject)
    if as_json:
        _print_json([entry._asdict() for entry in entries])
        return
    for entry in entries:
        named = (("customer", entry.customer), ("account", entry.account))
        who = ", ".join(f"{kind} {index}" for kind, index in named if index is not None)
        line = f"{entry.time}  {who}: {entry.event}"
        out.print(line, markup=False, highlight=False)
    err.print(f"{len(entries):,} events of {subject} in replication 1; times are UTC")


def _cores() -> int:
    return os.cpu_count() or 1


def _with_experiment(settings: list[str], replications: int | None, seed: int | None) -> list[str]:
    extra = (("replications", replications), ("seed", seed))
    return settings + [f"experiment.{name}={value}" for name, value in extra if value is not None]


def _with_load(settings: list[str], conversations: int | None, duration: float | None) -> list[str]:
    extra = (("at_once", conversations), ("duration_s", duration))
    return settings + [f"conversations.{name}={value}" for name, value in extra if value is not None]


def _load_test(
    loaded: Loaded,
    target: str | None,
    settings: list[str],
    folder: Path | None,
    calibration: Calibration | None = None,
) -> Result:
    """Against a running server, or one of our own on a database that is thrown away."""
    from loadtests.run import run
    from loadtests.target import own_server

    conversations = loaded.scenario.conversations
    sizes: dict[str, Any] = {
        "conversations": conversations.at_once,
        "duration_s": conversations.duration_s,
        "out": folder,
        "calibration": calibration,
        "progress": lambda line: err.print(f"  {line}", markup=False, highlight=False),
    }
    if target is not None:
        token = os.environ.get("WAVETANK_TOKEN")
        if not token:
            raise InputError("WAVETANK_TOKEN: is not set; export the token that the target printed")
        return run(loaded, target=target, token=token, **sizes)
    with tempfile.TemporaryDirectory(prefix="wavetank-") as scratch:
        database = Path(scratch) / "load.db"
        with own_server(
            loaded.path, settings=settings, database=database, speed=conversations.clock_speed
        ) as own:
            return run(loaded, target=own.url, token=own.token, **sizes)


def _say_size(loaded: Loaded) -> None:
    if note := size_note(loaded):
        err.print(note, markup=False, highlight=False, soft_wrap=True)


def _check_folder(folder: Path) -> None:
    """InputError for a folder that cannot be made: before the work whose results go there, not after it."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InputError(f"{folder}: cannot be made: {there} is a file; name a folder with --out DIR")
    if not os.access(there, os.W_OK):
        raise InputError(
            f"{folder}: cannot be made: {there} may not be written to; name another with --out DIR"
        )


def _belongs(option: str, value: object, to: str, owner: object) -> None:
    """InputError for an option that says something about another one which is not there."""
    if value is not None and owner is None:
        raise InputError(f"{option}: is about {to}; give that too, or leave it out")


def _cluster(backend: str, scheduler: str | None) -> "Cluster | None":
    from simulator.parallel import Cluster

    if backend == "loky":
        if scheduler is not None:
            raise InputError("--scheduler: is for a cluster; give --backend dask or --backend ray too")
        return None
    if backend == "dask" and scheduler is None:
        raise InputError(
            "--backend dask: needs the address of a scheduler, as --scheduler tcp://10.0.0.1:8786"
        )
    return Cluster("dask" if backend == "dask" else "ray", scheduler)


@contextmanager
def _resumable(out_folder: Path | None, fresh: bool) -> Iterator["Kept"]:
    """Keep finished replications until the command has done its work; after Ctrl-C, say how to go on."""
    from simulator.kept import Kept

    kept = Kept((out_folder or REPORT_FOLDER) / UNFINISHED, fresh=fresh)
    try:
        yield kept
    except KeyboardInterrupt:
        done = f"{kept.count:,} finished replications are in {kept.folder}"
        how = "the same command goes on from there, with --fresh it starts anew"
        raise Stopped(f"stopped: {done}; {how}" if kept.count else "stopped") from None
    kept.clear()


def _say_speed(answer: Result, wall_s: float, kept: "Kept") -> None:
    line = f"{answer.exposures:,} exposures in {wall_s:.1f} s"
    if kept.found:
        err.print(f"{line}, with {kept.found:,} replications of an interrupted run")
    else:
        err.print(f"{line} ({answer.exposures / wall_s:,.0f} a second)")


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere; yields what to call with (done, total)."""
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _hand_over(answer: Result, folder: Path | None, as_json: bool) -> None:
    """Print a result, and write it where asked."""
    from reports.terminal import kpi_table, tier_table, verdict_line, warm_up_line

    if folder is not None:
        err.print(f"written: {result.write(answer, folder)}")
    if as_json:
        _write_document(result.encode(answer))
        return
    Console(width=out.width if out.is_terminal else TABLE_WIDTH).print(kpi_table(answer))
    if isinstance(answer.warm_up, WarmUp):
        out.print(warm_up_line(answer.warm_up), markup=False, highlight=False)
    if isinstance(answer.tiers, list):
        out.print("", tier_table(answer.tiers), "", sep="\n")
    for verdict in answer.verdicts:
        out.print(verdict_line(verdict), markup=False, highlight=False)


def _write_comparison(answer: Comparison, folder: Path) -> None:
    from reports.comparison_figure import write_figure

    err.print(f"written: {comparison.write(answer, folder)}")
    for path in write_figure(answer, folder):
        err.print(f"written: {path}")


def _print_comparison(answer: Comparison) -> None:
    from reports.terminal import comparison_paragraphs, comparison_tables

    width = out.width if out.is_terminal else TABLE_WIDTH
    for table in comparison_tables(answer, width):
        Console(width=width).print(table, "")
    for paragraph in comparison_paragraphs(answer):
        for line in paragraph:  # broken between words on a terminal only
            out.print(line, markup=False, highlight=False, soft_wrap=not out.is_terminal)
        out.print()


def _print_json(value: Any) -> None:
    _write_document(msgspec.json.format(msgspec.json.encode(value), indent=2))


def _write_document(content: bytes) -> None:
    """JSON is UTF-8, whatever the terminal's encoding."""
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:  # caught as text
        sys.stdout.write(content.decode() + "\n")
        return
    sys.stdout.flush()
    stream.write(content + b"\n")
    stream.flush()


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """What an encoding lacks, in letters that each has: a minus must not become a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(letter, "?") for letter in text), error.end


raise_again()

if __name__ == "__main__":
    main()
