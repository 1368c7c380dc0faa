"""Traces that programs leave in a film's metadata, and what each means for a clip.

A trace is what a program, or somebody, wrote; anybody can remove it or write another one. The table holds what the
programs' makers document or what their films were seen to carry; to add one, add a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stimuli.provenance.findings import Finding, Kind
from stimuli.provenance.personal import harmless


@dataclass(frozen=True)
class Trace:
    """One program.

    Attributes
    ----------
    program
        Its name.
    kind
        What its trace means for a clip.
    clear
        What is written nowhere but by it or about it: looked for in every field.
    in_tool_fields
        A name that is also an ordinary word: looked for only where programs enter their names.
    """

    program: str
    kind: Kind
    clear: str
    in_tool_fields: str = ""

    def found_in(self, text: str, *, tool_field: bool) -> bool:
        """Whether a text bears it."""
        words = [self.clear, self.in_tool_fields] if tool_field and self.in_tool_fields else [self.clear]
        return re.search(rf"(?<![a-z0-9])(?:{'|'.join(words)})", text, re.IGNORECASE) is not None


TRACES = (
    Trace("Sora (OpenAI)", "generated", r"openai|sora[ -]?[12]\b|chatgpt", r"sora\b"),
    Trace("Veo (Google)", "generated", r"google veo|veo[ -]?[123]\b|made with google ai", r"veo\b|imagen\b"),
    Trace("Runway", "generated", r"runwayml|runway gen|gen-[234] (?:alpha|turbo)", r"runway\b"),
    Trace("Kling (Kuaishou)", "generated", r"kling ?ai|kling\b|可灵"),
    Trace("Hailuo (MiniMax)", "generated", r"hailuo|minimax|海螺"),
    Trace("Seedance, Dreamina, Jimeng, Doubao (ByteDance)", "generated", r"seedance|dreamina|jimeng|即梦|doubao|豆包"),
    Trace("Wan (Alibaba)", "generated", r"wan ?2\.\d|wanx|通义万相|tongyi", r"wan\b"),
    Trace("Hunyuan Video (Tencent)", "generated", r"hunyuan|混元"),
    Trace("Vidu (Shengshu)", "generated", r"vidu ?(?:ai|q\d|[12]\.\d)", r"vidu\b"),
    Trace("PixVerse", "generated", r"pixverse|拍我"),
    Trace("CogVideoX, Qingying (Zhipu)", "generated", r"cogvideo|清影"),
    Trace("Luma Dream Machine", "generated", r"lumalabs|luma ai|dream machine|luma ray", r"luma\b"),
    Trace("Pika", "generated", r"pika ?labs|pika\.art|pika [12]\.\d", r"pika\b"),
    Trace("Firefly (Adobe)", "generated", r"adobe[ _]firefly|firefly video", r"firefly\b"),
    Trace("Midjourney", "generated", r"midjourney"),
    Trace("LTX Video, Mochi, AnimateDiff, Stable Video Diffusion", "generated",
          r"ltx-?video|mochi-1|animatediff|stable[ -]video[ -]diffusion|svd_xt"),
    Trace("Grok Imagine (xAI)", "generated", r"grok imagine|x\.ai\b", r"grok\b"),
    Trace("HeyGen", "generated", r"heygen"),
    Trace("Synthesia", "generated", r"synthesia"),
    Trace("Topaz Video AI", "altered", r"topaz (?:video|labs)|enhanced using [a-z]{3,5}-\d"),
    Trace("an upscaler or interpolator", "altered",
          r"real-?esrgan|waifu2x|video2x|upscayl|flowframes|seedvr|rife[ -]?v?\d"),
    Trace("ezgif.com", "edited", r"ezgif"),
    Trace("online-video-cutter.com", "edited", r"online-video-cutter"),
    Trace("CapCut or Jianying", "edited", r"capcut|jianying|剪映|lemonlite", r"vid:v\d"),
    Trace("Premiere Pro, After Effects or Media Encoder (Adobe)", "edited",
          r"adobe (?:premiere|after effects|media encoder)"),
    Trace("DaVinci Resolve", "edited", r"davinci resolve|blackmagic design"),
    Trace("Final Cut Pro or iMovie", "edited", r"final cut pro|imovie"),
    Trace("Canva", "edited", r"canva\b"),
    Trace("Clipchamp", "edited", r"clipchamp"),
    Trace("HandBrake", "written", r"handbrake"),
    Trace("Google (YouTube, Drive or Veo)", "written", r"iso media file produced by google|google inc"),
    Trace("OBS Studio", "written", r"obs[ -]studio|libobs"),
    Trace("FFmpeg", "written", r"lav[fc]\d|lav[fc]\b"),
)  # fmt: skip


def traces_in(where: str, text: str, *, tool_field: bool, kinds: tuple[Kind, ...] = ()) -> Iterator[Finding]:
    """What a field's text shows.

    Parameters
    ----------
    where
        The field's name, as it is shown.
    text
        What stands in it. Of a tool field it is quoted; of any other only the program it points to.
    tool_field
        Whether programs enter their names there.
    kinds
        Kinds looked for; all, if empty.
    """
    for trace in TRACES:
        if kinds and trace.kind not in kinds:
            continue
        if trace.found_in(text, tool_field=tool_field):
            quoted = f" ({harmless(text, 80)})" if tool_field else ""
            yield Finding(trace.kind, where, f"points to {trace.program}{quoted}")
