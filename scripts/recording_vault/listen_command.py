"""The command `listen`: plays each channel of a recording, and says which speakers to set for the channels."""

import contextlib
import pathlib
import tempfile

from . import channels, playback, players, sids
from .problems import DONE, Problem, WrongInput
from .stack_commands import new

CUSTOMER, OTHERS, UNCLEAR, REPEAT = "customer", "others", "unclear", "repeat"

# What the administrator types, by the first letter.
SPEAKERS = {"c": CUSTOMER, "a": OTHERS, "u": UNCLEAR, "r": REPEAT}

QUESTION = "Who speaks? c = customer, a = agent or others, u = unclear, r = repeat"

# The parameter that describes the channels depends on what was recorded.
PARAMETERS = {
    "ConferenceChannels": "Call Recording in the console, or the plugin in mode conference",
    "WorkerLegChannels": "the plugin in mode reservation, or anything else that records the agent's leg",
    "CustomerLegChannels": "anything that records the customer's leg, for example a Studio flow",
}

DESCRIPTION = """Play each channel of a recording on its own, to find out who speaks on which one.

Choose a recording in which the customer and an agent speak. The command plays the beginning of the speech on each channel,
asks who it was, and prints the value for the parameters ConferenceChannels, WorkerLegChannels and CustomerLegChannels.
Nothing is kept on this computer unless --folder is given or there is no player. The Flex token of a supervisor comes from
FLEX_TOKEN or a prompt.
"""


def add(commands, common):
    """Adds the command to the command line."""
    summary = "play each channel of a recording, to find out who speaks on which one"
    parser = new(commands, common, "listen", summary, DESCRIPTION)
    parser.add_argument("recording", metavar="RE...", help="a recording with two channels")
    parser.add_argument("--folder", metavar="DIR", help="write a file for each channel to this folder, and keep it")
    parser.add_argument("--seconds", type=float, default=15, metavar="S", help="how much of each channel to play (15)")
    parser.add_argument("--no-play", action="store_true", help="only write the files")
    parser.add_argument("--playback-url", metavar="URL", help="default: the stack's output PlaybackBaseUrl")
    parser.set_defaults(run=_run)


def _run(chosen, console):
    sids.checked(chosen.recording, "RE")
    if not 0 < chosen.seconds <= 3600:
        raise WrongInput("--seconds must be more than 0 and at most 3600")
    player = None if chosen.no_play else players.found()
    url = playback.link_of(chosen, console)
    with contextlib.ExitStack() as context:
        kept = bool(chosen.folder) or player is None
        folder = pathlib.Path(chosen.folder or ".")
        if not kept:
            folder = pathlib.Path(context.enter_context(tempfile.TemporaryDirectory(prefix="recording-vault-")))
        files = _separated(chosen.recording, url, folder, console)
        heard = _played(files, player, chosen, console) if player and len(files) > 1 else [UNCLEAR] * len(files)
    if kept:
        console.say(f"Written: {', '.join(map(str, files))}. Delete them when you have heard them.")
    order = order_of(heard)
    for line in advice(len(files), order, chosen.stack):
        console.say(line)
    report = {"recording": chosen.recording, "channels": len(files), "speakers": order, "parameters": list(PARAMETERS)}
    console.result(report | {"files": [str(file) for file in files] if kept else [], "exitCode": DONE})
    return DONE


def _separated(recording, url, folder, console):
    """Downloads the recording and writes a file for each channel. Returns their paths."""
    whole = folder / f"{recording}.wav"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        playback.save(url, str(whole), console)
        with contextlib.ExitStack() as context, console.step("separating the channels"):
            source = context.enter_context(open(whole, "rb"))
            count = channels.described(source).channels
            paths = [folder / f"{recording}.channel-{number + 1}.wav" for number in range(count)]
            channels.split(source, [context.enter_context(open(path, "wb")) for path in paths])
    except OSError as error:
        raise Problem(f"the files could not be written to {folder}: {error.strerror}") from None
    finally:
        whole.unlink(missing_ok=True)
    return paths


def _played(files, player, chosen, console):
    """Plays each channel. Returns who was heard on each."""
    name, play = player
    heard = []
    with tempfile.TemporaryDirectory(prefix="recording-vault-") as folder:
        for number, path in enumerate(files, 1):
            part = pathlib.Path(folder, f"channel-{number}.wav")
            with open(path, "rb") as source, open(part, "wb") as target:
                begin = channels.excerpt(source, target, chosen.seconds)
            if begin is None:
                console.say(f"Channel {number} is silent")
                heard.append(UNCLEAR)
                continue
            console.say(f"Channel {number}, from {begin:.1f} s on, with {name}")
            heard.append(_heard(part, play, chosen, console))
    return heard


def _heard(part, play, chosen, console):
    while True:
        with console.step("playing"):
            worked = play(part, chosen.seconds)
        if not worked:
            raise Problem("the player does not work here. Add --no-play --folder DIR, and play the files elsewhere")
        if not console.interactive:
            return UNCLEAR
        answer = SPEAKERS[console.ask(QUESTION, check=_answer_problem)[0].lower()]
        if answer != REPEAT:
            return answer


def _answer_problem(text):
    return None if text[:1].lower() in SPEAKERS else f"one of {', '.join(SPEAKERS)}"


def order_of(heard):
    """Returns the speakers on the two channels as the parameters have them, or None if they are not known."""
    if len(heard) != 2 or heard[0] == heard[1]:
        return None
    # One voice decides, because there are only two sides.
    customer_first = heard[0] == CUSTOMER or heard[1] == OTHERS
    return f"{CUSTOMER},{OTHERS}" if customer_first else f"{OTHERS},{CUSTOMER}"


def advice(count, order, stack):
    """Returns the lines that say what to set."""
    if count == 1:
        return ["The recording has one channel: everybody is on it. Leave the parameters empty."]
    if count > 2:
        return [f"The recording has {count} channels. The parameters describe recordings with two."]
    if order is None:
        lines = [
            "Set customer,others if the customer speaks on channel 1, and others,customer if the customer speaks on channel 2,"
        ]
    else:
        lines = [f"Set {order}"]
    lines[0] += " in the parameter for what makes your recordings:"
    lines += [f"  {name}: {words}" for name, words in PARAMETERS.items()]
    value = order or "customer,others"
    lines.append(f"For example: vault.py setup --stack {stack} --release PATH --parameter ConferenceChannels={value}")
    lines.append("New recordings get the names. Links that are in tasks already stay as they are.")
    return lines
