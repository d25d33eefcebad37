"""A first creation under AWS's limits and delays, as a picture: what `up --timings` draws, without the page around it."""

import os
import re

from .aws import Proxy, accounts, environment
from .contenders import Variant
from .places import ROOT, WORK, Failed, must, say
from .phases import settings

PICTURE = ROOT / "docs" / "images" / "creation.svg"
PAGE = WORK / "creation.html"


def record(liveinsight, strict, aws, contender):
    """Has liveinsight draw one creation, in an account of its own."""
    account = next(accounts)
    setting = settings([], True)[-1]
    contender.prepare(account, Variant())
    with Proxy(strict, aws.endpoint, setting.proxy_options) as proxy:
        command, directory, _ = contender.up(account, Variant())
        say("drawing a first creation under AWS's limits and delays")
        must([*command, f"--timings={PAGE}"], cwd=directory, env={**os.environ, **environment(proxy.endpoint, account)})


def draw():
    """The picture of what was recorded last."""
    text = PAGE.read_text()
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    chart = re.search(r'<div class="scroll">(<svg.*?</svg>)</div>', text, re.S)
    if not style or not chart:
        raise Failed(f"{PAGE} is not what `up --timings` writes")
    # A picture on its own needs the background of the page.
    ground = '<rect width="100%" height="100%" style="fill: var(--ground)"/>'
    opening, rest = chart.group(1).split(">", 1)
    return f"{opening}><style>{style.group(1)}</style>{ground}{rest}\n"
