"""Reads telegrams of a smart meter with programs of others, and prints how many a second.

Called by `meters` with the folder in which the telegrams are. Prints one line for each reader and
stream: reader, version, stream, telegrams a second, telegrams that gave values, and how many of
those have a wrong one. What cannot be imported is left out.

Each reader gets whole telegrams in the form its own functions want, as bytes that are in memory
already, so that only decryption and decoding take time. Finding frames in a stream, which wattbridge
does beside, is not asked of them: none offers it without a port.
"""

import contextlib
import json
import logging
import sys
import time
from importlib.metadata import version
from pathlib import Path

KEY = b"key of the bench"
AUTHENTICATION_KEY = b"tag of the bench"
ALL = 10_000
WARM_UP = 200


def smartmeter_austria():
    """Two frames to an object with a property for each value."""
    from smartmeter_austria_energy.decrypt import Decrypt
    from smartmeter_austria_energy.obisdata import ObisData
    from smartmeter_austria_energy.supplier import SUPPLIERS

    supplier, key = SUPPLIERS["TINETZ"], KEY.hex()

    def read(frames):
        first, second = frames
        telegram = Decrypt(supplier, first, second, key)
        telegram.parse_all()
        return ObisData(telegram, supplier.supplied_values)

    def values(read):
        found = ((name, vars(value)) for name, value in vars(read).items() if value)
        return {name: sorted(value.items(), key=lambda part: part[0]) for name, value in found}

    return read, values


def dlms_cosem():
    """One message to a list of values; this library opens only what has a tag."""
    from dlms_cosem.protocol.xdlms import DataNotification, GeneralGlobalCipher
    from dlms_cosem.utils import parse_as_dlms_data

    def read(message):
        cipher = GeneralGlobalCipher.from_bytes(message)
        plain = cipher.to_plain_apdu(KEY, AUTHENTICATION_KEY)
        return parse_as_dlms_data(DataNotification.from_bytes(plain).body)

    return read, lambda read: dict(enumerate(read))


def gurux():
    """One message to a list of values."""
    from gurux_dlms import GXByteBuffer, GXReplyData
    from gurux_dlms.enums import Authentication, InterfaceType, Security
    from gurux_dlms.secure import GXDLMSSecureClient

    none, kind = Authentication.NONE, InterfaceType.PDU
    client = GXDLMSSecureClient(True, 16, 1, none, None, kind)
    client.ciphering.security = Security.ENCRYPTION
    client.ciphering.blockCipherKey = KEY
    client.ciphering.authenticationKey = AUTHENTICATION_KEY

    def read(message):
        pushed = GXReplyData()
        client.getData(GXByteBuffer(message), GXReplyData(), pushed)
        return pushed.value

    return read, lambda read: dict(enumerate(read))


def dsmr(specification):
    """The bytes of one telegram to an object with all its lines; text is found in the stream first.

    Which meter it is has to be said; the Dutch one without a checksum is another than that with one.
    """

    def make():
        from dsmr_parser import telegram_specifications
        from dsmr_parser.clients.telegram_buffer import EncryptedTelegramBuffer, TelegramBuffer
        from dsmr_parser.parsers import TelegramParser

        known = getattr(telegram_specifications, specification)
        encrypted = known.get("general_global_cipher", False)
        parser = TelegramParser(known)
        buffer = EncryptedTelegramBuffer() if encrypted else TelegramBuffer()

        def read(frames):
            bytes_of_line = b"".join(frames)
            for at in range(0, len(bytes_of_line), 256):
                piece = bytes_of_line[at : at + 256]
                # As its own readers of ports have it.
                buffer.append(piece if encrypted else piece.decode("latin1"))
            found = list(buffer.get_all())
            if not found:
                raise ValueError("no telegram")
            return parser.parse(found[-1], KEY.hex()) if encrypted else parser.parse(found[-1])

        return read, lambda read: json.loads(read.to_json())

    return make


class Nowhere:
    """Takes what a library prints for each telegram."""

    def write(self, _):
        pass

    def flush(self):
        pass


def telegrams_of(path, wanted, most):
    """As bytes: a list of frames for each telegram, or its message."""
    lines = path.with_suffix(f".{wanted}").read_text().splitlines()[:most]
    if wanted == "frames":
        return [[bytes.fromhex(frame) for frame in line.split()] for line in lines]
    return [bytes.fromhex(line) for line in lines]


READERS = [
    # Package, reader, streams, what it wants, how many telegrams at most.
    ("smartmeter-austria-energy", smartmeter_austria, ["tinetz", "tinetz-damaged"], "frames", ALL),
    ("dlms-cosem", dlms_cosem, ["e450"], "messages", ALL),
    # Its AES is written in Python, which takes long.
    ("gurux-dlms", gurux, ["tinetz", "e450"], "messages", 1000),
    ("dsmr-parser", dsmr("V5"), ["dsmr5", "dsmr5-damaged"], "frames", ALL),
    ("dsmr-parser", dsmr("BELGIUM_FLUVIUS"), ["fluvius", "fluvius-damaged"], "frames", ALL),
    ("dsmr-parser", dsmr("V2_2"), ["dsmr22", "dsmr22-damaged"], "frames", ALL),
    ("dsmr-parser", dsmr("MSN"), ["smarty", "smarty-damaged"], "frames", ALL),
]


def read_all(read, telegrams):
    """What came of each; nothing for those that were refused."""
    results = []
    for telegram in telegrams:
        try:
            results.append(read(telegram))
        except Exception:  # Whatever it throws, it has refused the telegram.
            results.append(None)
    return results


def is_wrong(found, right):
    """Whether there is a value that is not the right one; one that is missing is not wrong."""
    return found is not None and any(right.get(name) != value for name, value in found.items())


def measure(package, make, streams, wanted, most, folder):
    read, values = make()
    truth = None
    for stream in streams:
        telegrams = telegrams_of(folder / stream, wanted, most)
        with contextlib.redirect_stdout(Nowhere()):
            read_all(read, telegrams[:WARM_UP])
            begun = time.perf_counter()
            results = read_all(read, telegrams)
            elapsed = time.perf_counter() - begun
        found = [None if result is None else values(result) for result in results]
        # A stream with damage comes after the same one without.
        truth = found if not stream.endswith("-damaged") else truth
        given = sum(result is not None for result in found)
        wrong = sum(map(is_wrong, found, truth))
        rate = round(len(telegrams) / elapsed)
        print(package, version(package), stream, rate, f"{given}/{len(telegrams)}", wrong, sep="\t")


def main(folder):
    # dsmr-parser writes a page about each line that it leaves out.
    logging.disable(logging.CRITICAL)
    for package, *how in READERS:
        try:
            measure(package, *how, folder)
        except ImportError as error:
            print(f"meters: {package} is left out: {error}", file=sys.stderr)


main(Path(sys.argv[1]))
