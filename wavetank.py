"""The command line: one thin function a command.

Exit status: 0 done, 1 the thing asked about failed, 2 the input was wrong.
"""

from scenarios.interruption import INTERRUPTED, end_without_a_word, hold_back, raise_again

end_without_a_word()  # while the rest is imported; until the end of this module

import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from reports.console import err, open_streams, out, print_json, progress, say, show
from scenarios import comparison, provenance, result
from scenarios.comparison import Best
from scenarios.contacts import contacts_of, size_note
from scenarios.documents import check_folder
from scenarios.errors import InputError
from scenarios.interruption import Stopped
from scenarios.json_schema import json_schema
from scenarios.loading import load, shipped
from scenarios.result import Precision
from scenarios.variants import variants_of

# Simulator, server, load test and report are imported by the commands that need them: `--help` stays quick.

app = typer.Typer(
    name="wavetank",
    help="Try messaging strategies and platforms on a simulated WhatsApp before one real message is sent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
scenarios_app = typer.Typer(
    help="List the shipped scenarios; show or check one.", invoke_without_command=True
)
app.add_typer(scenarios_app, name="scenarios")

FOLDER = Path("out")  # of what is written where none is named
DEMO_FOLDER = FOLDER / "demo"
MOST_REPLICATIONS = 1000  # where --precision and --best give up

ScenarioName = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO", help="Name of a shipped scenario (wavetank scenarios), or a path to a TOML file."
    ),
]
Settings = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Set a parameter otherwise, as pacing.rate_per_min=25; may be given several times. "
        "All of them: wavetank scenarios show SCENARIO.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", metavar="", help="One JSON document on stdout, all else on stderr.")
]
Replications = Annotated[
    int | None, typer.Option(help="Independent runs behind each interval; else as the scenario says.")
]
Seed = Annotated[int | None, typer.Option(help="Key of all random numbers; else the scenario's.")]
Workers = Annotated[
    int,
    typer.Option(
        min=1, help="Processes that share the replications; at most as many as there are processors."
    ),
]
Backend = Annotated[
    Literal["loky", "dask", "ray"],
    typer.Option(help="Where replications run: in processes of this machine (loky), or on a cluster."),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Of the cluster, as tcp://10.0.0.1:8786 for dask; ray without one starts on this machine.",
    ),
]
Fresh = Annotated[
    bool,
    typer.Option("--fresh", metavar="", help="Run all anew; forget what an interrupted run has left."),
]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
OutFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Also write the result there, for wavetank report."),
]


def main() -> None:
    """Entry point: every wrong input is one line on stderr and exit status 2."""
    open_streams()
    usage_error: Any = typer.BadParameter.__mro__[1]  # typer exports only this subclass of it
    try:
        status = app(prog_name="wavetank", standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except Stopped as stopped:
        say(str(stopped))
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
    say(" ".join(f"wavetank: {message}".splitlines()), style="red")  # a name may hold a line break
    sys.exit(2)


def _show_version(wanted: bool) -> None:
    if wanted:
        out.print(f"wavetank {version('wavetank')}", highlight=False)
        raise typer.Exit


@app.callback()
def wavetank(
    shows_version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_show_version, is_eager=True, help="Print the version."
        ),
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
        print_json(titles)
        return
    for name, title in titles.items():
        out.print(f"[bold]{name}[/]  {title}")


@scenarios_app.command("show")
def scenarios_show(scenario: ScenarioName, settings: Settings = [], as_json: AsJson = False) -> None:
    """Every parameter with unit, value and source."""
    from reports.printing import print_parameters

    loaded = load(scenario, settings)
    if loaded.orders_path is not None:
        from simulator.customers.histories import fitted

        loaded = fitted(loaded)
    print_parameters(provenance.rows(loaded), as_json)


@scenarios_app.command("check")
def scenarios_check(scenario: ScenarioName, settings: Settings = [], as_json: AsJson = False) -> None:
    """Validate a scenario, its contact file and its past orders; print what is fitted to them."""
    from reports.printing import print_check

    loaded = load(scenario, settings)
    contacts = contacts_of(loaded)
    malformed = sum(contact.e164 is None for contact in contacts)
    orders: dict[str, float] = {}
    if loaded.orders_path is not None:
        from simulator.customers.histories import known_of

        known = known_of(loaded)
        orders = known.facts() if known is not None else {}
    if note := size_note(loaded):
        say(note)
    print_check(loaded, len(contacts), malformed, orders, as_json)


@scenarios_app.command("schema")
def scenarios_schema(
    as_json: Annotated[
        bool,
        typer.Option("--json", metavar="", show_default=False, help="As without it: the schema is JSON."),
    ] = True,
) -> None:
    """JSON Schema of scenario files, for editors."""
    print_json(json_schema())


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
        typer.Option(
            metavar="REL", help="Add replications until the interval is within REL of the mean, as 0.05."
        ),
    ] = None,
    primary: Annotated[
        str | None, typer.Option(metavar="KPI", help="The KPI that --precision is about; else orders.")
    ] = None,
    max_replications: Annotated[
        int | None, typer.Option(min=2, help="Where --precision gives up; else 1000.")
    ] = None,
    trace: Annotated[
        str | None,
        typer.Option(
            metavar="customer:N|account:N",
            help="Print the events of one (N from 0) in replication 1, and nothing else.",
        ),
    ] = None,
    fresh: Fresh = False,
    out_folder: OutFolder = None,
    as_json: AsJson = False,
) -> None:
    """Run a scenario in the simulator and print its KPIs with intervals.

    With --precision, exit 1 when it was not reached. After Ctrl-C the same command goes on from there.
    """
    from simulator.parallel import cluster_of

    cluster = cluster_of(backend, scheduler)
    _belongs("--primary", primary, "--precision", precision)
    _belongs("--max-replications", max_replications, "--precision", precision)
    if trace is not None and (precision is not None or out_folder is not None):
        raise InputError(
            "--trace: prints the events of one run and nothing else; leave --precision and --out out"
        )
    loaded = load(scenario, _with_experiment(settings, replications, seed))
    if trace is not None:
        from reports.printing import print_trace
        from simulator.results.tracing import trace as events_of

        print_trace(events_of(loaded, trace), trace, as_json)
        return

    from reports.printing import hand_over, say_speed
    from simulator.resuming import resumable
    from simulator.run import simulate as run
    from simulator.statistics.precision import Goal

    budget = MOST_REPLICATIONS if max_replications is None else max_replications
    goal = None if precision is None else Goal(primary or "orders", precision, budget)
    total = loaded.scenario.experiment.replications if goal is None else goal.budget
    started = time.perf_counter()
    with resumable(out_folder or FOLDER, fresh=fresh) as kept:
        with progress("replications", total) as step:
            answer = run(loaded, workers=workers, cluster=cluster, progress=step, goal=goal, kept=kept)
        say_speed(answer, time.perf_counter() - started, kept.found)
        if note := size_note(loaded):
            say(note)
        hand_over(answer, out_folder, as_json)
    if isinstance(answer.precision, Precision) and answer.precision.first is None:
        raise typer.Exit(1)


@app.command()
def compare(
    scenario: ScenarioName,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="VARIANT.toml",
            help="Files that extend the scenario; each is a variant of the file's name.",
        ),
    ] = None,
    stated: Annotated[
        list[str],
        typer.Option(
            "--variant",
            metavar="NAME:PATH=VALUE,...",
            help="A variant by what it sets otherwise; may be given several times.",
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
        typer.Option(
            metavar="KPI",
            help="Find which of scenario and variants has the highest KPI; needs --indifference.",
        ),
    ] = None,
    lowest: Annotated[bool, typer.Option("--lowest", metavar="", help="Find the lowest instead.")] = False,
    indifference: Annotated[
        float | None,
        typer.Option(
            metavar="D", help="The least difference in the KPI of --best that matters, in its unit."
        ),
    ] = None,
    max_replications: Annotated[
        int | None, typer.Option(min=2, help="Where --best gives up, in replications of each; else 1000.")
    ] = None,
    fresh: Fresh = False,
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Also write the comparison and its figure there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare variants of a scenario with it under the same luck: paired differences with intervals.

    With --best, exit 1 when none could be chosen. After Ctrl-C the same command goes on from there.
    """
    from simulator.parallel import cluster_of

    cluster = cluster_of(backend, scheduler)
    if best is not None and indifference is None:
        raise InputError(f"--best {best}: needs --indifference, the least difference in it that matters")
    _belongs("--lowest", lowest or None, "--best", best)
    _belongs("--indifference", indifference, "--best", best)
    _belongs("--max-replications", max_replications, "--best", best)
    settings = _with_experiment(settings, replications, seed)
    base = load(scenario, settings)
    variants = variants_of(base, stated, files or [], settings)

    from reports.printing import hand_over_comparison
    from simulator.compare import compare as run
    from simulator.resuming import resumable
    from simulator.statistics.selection import Aim

    budget = MOST_REPLICATIONS if max_replications is None else max_replications
    aim = None if best is None or indifference is None else Aim(best, indifference, lowest, budget)
    total = (base.scenario.experiment.replications if aim is None else aim.budget) * (1 + len(variants))
    with resumable(out_folder or FOLDER, fresh=fresh) as kept:
        with progress("replications", total) as step:
            answer = run(base, variants, workers=workers, cluster=cluster, progress=step, kept=kept, aim=aim)
        if note := size_note(base):
            say(note)
        hand_over_comparison(answer, out_folder, as_json)
    if isinstance(answer.best, Best) and answer.best.chosen is None:
        raise typer.Exit(1)


@app.command()
def serve(
    scenario: Annotated[
        str,
        typer.Option(
            "--scenario", help="World and strategy: name of a shipped scenario, or a path to a TOML file."
        ),
    ] = "bulk_send",
    settings: Settings = [],
    host: Host = "127.0.0.1",
    port: Port = 8000,
    db: Annotated[
        str,
        typer.Option(help="Database: path of a SQLite file, or the URL of a SQLite or PostgreSQL database."),
    ] = "wavetank.db",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; several need PostgreSQL.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="How many times faster than real time its clock runs.")
    ] = 1.0,
) -> None:
    """Run the reference server with the emulated network; prints its token once.

    With a token of your own in WAVETANK_TOKEN, it makes none and prints none.
    """
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
    host: Host = "127.0.0.1",
    port: Port = 8080,
    speed: Annotated[
        float, typer.Option(metavar="X", help="How many times faster than real time its clock runs.")
    ] = 1.0,
    start: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When its clock starts, with the rules of that day; else now."),
    ] = None,
    profile: Annotated[
        str, typer.Option(metavar="modern|legacy|mixed", help="Which HTTP statuses errors have.")
    ] = "modern",
    customers: Annotated[
        str,
        typer.Option(
            metavar="scenario|predictable",
            help="Customers as the scenario has them, or who get and read each message at fixed times.",
        ),
    ] = "scenario",
    number_ids: Annotated[
        list[str],
        typer.Option(
            "--phone-number-id",
            metavar="ID",
            help="Of a number to send from; may be given several times; else one for each account.",
        ),
    ] = [],
    webhook_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where webhooks go; an address may also be set over the API."),
    ] = None,
    verify_token: Annotated[str, typer.Option(help="Sent to --webhook-url when it is verified.")] = "",
    app_secret: Annotated[
        str, typer.Option(envvar="WAVETANK_APP_SECRET", help="Signs webhooks; else one is made and printed.")
    ] = "",
    allowed_hosts: Annotated[
        list[str],
        typer.Option(
            "--allow-webhook",
            metavar="HOST",
            help="A host, address or network besides loopback that webhooks may go to; "
            "may be given several times.",
        ),
    ] = [],
    batch_max: Annotated[int, typer.Option("--webhook-batch", help="Most updates in a webhook.")] = 1,
    connections: Annotated[
        int, typer.Option("--webhook-connections", help="Webhooks under way at once; 1 keeps their order.")
    ] = 16,
    throughput: Annotated[
        str,
        typer.Option(
            metavar="standard|upgraded|coexistence",
            help="Messages a second of each number: 80, 1,000 or 20.",
        ),
    ] = "standard",
    level: Annotated[
        int, typer.Option("--tier", help="Messaging limit at the start, from 0, the lowest, to 4, none.")
    ] = 1,
    pair_reading: Annotated[
        str,
        typer.Option(
            "--pair-rate",
            metavar="literal|bucket",
            help="How the limit of messages to one customer is read.",
        ),
    ] = "literal",
    moved: Annotated[
        list[str],
        typer.Option(
            "--place",
            metavar="CODE=sync|webhook",
            help="Where an error arrives, as 131047=sync; may be given several times.",
        ),
    ] = [],
    pacing_threshold: Annotated[
        int | None,
        typer.Option(
            "--template-pacing",
            metavar="N",
            help="Hold what comes after N messages of a new marketing template until users have told.",
        ),
    ] = None,
) -> None:
    """Run the emulated WhatsApp Business Cloud API alone, for your own bot or client library.

    Its token is made and printed, unless there is one of your own in WAVETANK_TOKEN.
    """
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
        typer.Option(
            metavar="URL",
            help="A running server, its token in WAVETANK_TOKEN; else one is started for the test.",
        ),
    ] = None,
    conversations: Annotated[
        int | None, typer.Option(min=1, help="Conversations held at once; else as the scenario says.")
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="Measured seconds after the ramp, 2 or more; else as the scenario says."
        ),
    ] = None,
    out_folder: OutFolder = None,
    as_json: AsJson = False,
) -> None:
    """Hold conversations against a server; exit 1 when a service level is missed."""
    loaded = load(scenario, _with_load(settings, conversations, duration))
    if out_folder is not None:
        check_folder(out_folder)

    from loadtests.own import load_test as run
    from reports.printing import hand_over, say_second

    answer = run(loaded, target, settings=settings, out=out_folder, progress=say_second)
    hand_over(answer, None, as_json)
    if not all(verdict.met for verdict in answer.verdicts):
        raise typer.Exit(1)


@app.command()
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR", help="Folders with a result.json: a simulation's, a load test's, or one of each."
        ),
    ],
    out_folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where report.html and its figures go.")
    ] = FOLDER,
) -> None:
    """Render results that simulate and load have written: a page and its figures."""
    from reports.page import write_report

    for folder in folders:
        if (folder / comparison.FILE_NAME).is_file() and not (folder / result.FILE_NAME).exists():
            raise InputError(
                f"{folder}: holds a comparison, whose table and figure compare has made; "
                "a page is of a simulation or a load test"
            )
    show(str(write_report([result.read(folder) for folder in folders], out_folder)))


@app.command()
def demo(
    out_folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where the report and the results go.")
    ] = DEMO_FOLDER,
) -> None:
    """See it all on a shipped scenario: simulate, load-test a server, write the report, print where."""
    from loadtests.calibration import calibrate
    from loadtests.own import load_test as hold
    from loadtests.own import passing_server
    from reports.page import write_report
    from reports.printing import say_second
    from reports.summary import lines
    from simulator.run import simulate as run

    loaded = load("bulk_send")
    check_folder(out_folder)
    err.print("[bold]1/4[/] server: starting, and timing single requests")
    with passing_server(loaded) as target:
        calibration = calibrate(target.url, target.token, loaded)
    err.print("[bold]2/4[/] simulator: the campaign, and a prediction of the load test")
    with progress("replications", loaded.scenario.experiment.replications) as step:
        simulated = run(loaded, workers=os.cpu_count() or 1, calibration=calibration, progress=step)
    result.write(simulated, out_folder / "simulation")
    err.print(f"[bold]3/4[/] load test: {loaded.scenario.conversations.at_once:,} conversations at once")
    measured = hold(loaded, None, out=out_folder / "load", calibration=calibration, progress=say_second)
    err.print("[bold]4/4[/] report")
    page = write_report([simulated, measured], out_folder)
    for line in lines([simulated, measured]):
        show(line)
    show(f"report: {page.resolve()}")


def _with_experiment(settings: list[str], replications: int | None, seed: int | None) -> list[str]:
    extra = (("replications", replications), ("seed", seed))
    return settings + [f"experiment.{name}={value}" for name, value in extra if value is not None]


def _with_load(settings: list[str], conversations: int | None, duration: float | None) -> list[str]:
    extra = (("at_once", conversations), ("duration_s", duration))
    return settings + [f"conversations.{name}={value}" for name, value in extra if value is not None]


def _belongs(option: str, value: object, to: str, owner: object) -> None:
    """InputError for an option that says something about another one which is not there."""
    if value is not None and owner is None:
        raise InputError(f"{option}: is about {to}; give that too, or leave it out")


raise_again()

if __name__ == "__main__":
    main()
