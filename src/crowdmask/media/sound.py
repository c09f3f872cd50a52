"""Copy the sound of one video into another."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from crowdmask.errors import VideoError
from crowdmask.media.clock import SteadyClock
from crowdmask.media.video import open_container, reason

AnyPacket: TypeAlias = "Packet[Any]"

# Codecs that each container supports and common players play; other sound is re-encoded.
_COPIED = {
    "mp4": {"aac", "mp3", "opus", "flac"},
    "mov": {"aac", "mp3"},
    "matroska": {"aac", "mp3", "opus", "flac", "vorbis"},
}
_AAC_RATES = range(8000, 48001)
# If the pictures end this close to the source's end, they are complete.
_NEARLY_S = 0.5
_PACKET_S = 0.02  # for sound without packet durations


def open_sound(container: OutputContainer, path: str) -> Sound | None:
    """Add a stream for the sound of a file to a new video; return None where the file has none.

    Raises:
        VideoError: the file cannot be read.
    """
    source = open_container(path)
    # If FFmpeg cannot decode the sound, there is no codec context, contrary to the type stubs.
    heard = [each for each in source.streams.audio if getattr(each, "codec_context", None) is not None]
    if not heard:
        source.close()
        return None
    return Sound(source, heard[0], container)


class Sound:
    """The sound of a source, packet by packet, with times relative to the first picture."""

    def __init__(self, source: InputContainer, stream: AudioStream, container: OutputContainer) -> None:
        """Copy the sound if the new container supports it, or encode it as AAC."""
        self._source = source
        self._held: AnyPacket | None = None
        self._last_dts: int | None = None
        self._resampler: AudioResampler | None = None
        self._output: Any = None
        # The decoder's name may differ from the codec's: mp3float for mp3.
        if stream.codec_context.codec.canonical_name in _COPIED.get(container.format.name, ()):
            self._output = container.add_stream_from_template(stream)
        else:
            rate = stream.codec_context.sample_rate
            self._output = container.add_stream("aac", rate=rate if rate in _AAC_RATES else 48000)
            layout = "mono" if stream.codec_context.channels == 1 else "stereo"
            self._output.codec_context.layout = layout
            self._resampler = AudioResampler("fltp", layout, self._output.codec_context.sample_rate)
        self._offset, self._pictures_end_s = _pictures(source)
        for each in source.streams:
            if each.index != stream.index:
                each.discard = av.stream.Discard.all
        self._packets = source.demux(stream)
        self._clock: SteadyClock | None = None
        self._begin_s = 0.0

    def until(self, end_s: float) -> float:
        """Return when the sound ends if the pictures end at `end_s`: with them, or as in the source.

        Sound often continues a little after the last frame. If the pictures were cut off, it
        must not.
        """
        return float("inf") if end_s > self._pictures_end_s - _NEARLY_S else end_s

    def packets(self, until_s: float) -> Iterator[AnyPacket]:
        """Yield the sound packets to write before `until_s`.

        Raises:
            VideoError: it cannot be read any further.
        """
        while (packet := self._next()) is not None:
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            if packet.pts * packet.time_base - self._offset >= until_s:
                self._held = packet
                return
            if self._resampler is not None:
                yield from self._encoded(packet, self._resampler)
            elif self._last_dts is None or packet.dts > self._last_dts:  # players do not accept it otherwise
                self._last_dts = packet.dts
                shift = round(self._offset / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = self._output
                yield packet

    def rest(self) -> Iterator[AnyPacket]:
        """Yield what the encoder still holds."""
        if self._resampler is not None:
            for frame in self._resampler.resample(None):
                yield from self._output.encode(frame)
            yield from self._output.encode(None)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _next(self) -> AnyPacket | None:
        held, self._held = self._held, None
        if held is not None:
            return held
        try:
            packet = next(self._packets, None)
        except av.FFmpegError as error:
            name = self._source.name.removeprefix("file:")
            raise VideoError(f"{name}: its sound ends early: {reason(error)}") from error
        if packet is not None and packet.pts is not None and packet.time_base:
            self._steady(packet, packet.pts, packet.time_base)
        return packet

    def _steady(self, packet: AnyPacket, pts: int, time_base: Fraction) -> None:
        """Remove jumps from a packet's times, as from the pictures' times."""
        time_s = float(pts * time_base)
        if self._clock is None:
            self._begin_s = time_s
            self._clock = SteadyClock(time_s, float((packet.duration or 0) * time_base) or _PACKET_S)
        steady_s = self._clock.at(time_s) + self._begin_s
        if self._clock.jump_s is None and not self._clock.wraps:
            return
        shift = round((steady_s - time_s) / time_base)
        packet.pts = pts + shift
        if packet.dts is not None:
            packet.dts += shift

    def _encoded(self, packet: AnyPacket, resampler: AudioResampler) -> Iterator[AnyPacket]:
        try:
            frames: list[Any] = packet.decode()
        except (av.InvalidDataError, av.EOFError):
            return  # an empty packet
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(self._offset / frame.time_base)
            for ready in resampler.resample(frame):
                yield from self._output.encode(ready)


def _pictures(source: InputContainer) -> tuple[Fraction, float]:
    """Return the start time of the pictures in the file, and their duration, seconds."""
    whole_s = source.duration / av.time_base if source.duration else 0.0
    for stream in source.streams.video:
        if stream.start_time is not None and stream.time_base:
            lasts_s = float(stream.duration * stream.time_base) if stream.duration else whole_s
            return stream.start_time * stream.time_base, lasts_s
    return Fraction(0), whole_s
