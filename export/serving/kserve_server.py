"""Serves an export with KServe: TensorFlow Serving's REST protocol, and Open Inference over gRPC.

    pip install 'aag-tf[kserve]'          # in an environment of its own
    python -m aag_tf.export.serving.kserve_server --saved_model=served/mine --model_name=mine

REST: `POST :8080/v1/models/mine:predict` as TensorFlow Serving takes it, with `signature_name` and `instances`.
gRPC: `ModelInfer` on :8081; the request parameter `signature_name` chooses the signature.
Only programs on this machine reach it; `--host=0.0.0.0` lets all in, and asks nobody for a password.
Meant for trials on one machine; TensorFlow Serving itself batches requests and swaps versions without a pause.
"""

import argparse
import ipaddress
import socket
import sys
from collections.abc import Sequence

from kserve import model_server

from aag_tf.utils import terminal
from aag_tf.utils.errors import AagError, ConfigError
from aag_tf.utils.log import logger


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until a signal comes; returns 0, or the exit code of an error that is printed in one sentence."""
    options = _parser().parse_args(argv)
    try:
        address = _address(options.host)
        for flag in ("http_port", "grpc_port") if options.enable_grpc else ("http_port",):
            _check_free(address, getattr(options, flag), flag)
        from aag_tf.export.serving.encoder_model import EncoderModel  # here, since TensorFlow takes seconds to import
        from aag_tf.export.serving.limited_server import LimitedServer, Limits

        model = EncoderModel(
            options.model_name,
            options.saved_model,
            threads=options.max_threads,
            max_batch=options.max_batch,
            trust_model=options.trust_model,
        )
    except AagError as error:
        terminal.write(f"kserve_server: {error}")
        return error.exit_code
    if ipaddress.ip_address(address).is_loopback:
        logger.info(
            f"Serving {options.model_name} on {address}, to programs of this machine; --host=0.0.0.0 lets others in."
        )
    else:
        logger.warning(
            f"Serving {options.model_name} on {address}: whoever reaches this machine can send requests, without a "
            "password; --host=127.0.0.1 keeps it to this machine."
        )
    limits = Limits(
        address=address,
        request_bytes=options.max_request_bytes,
        request_seconds=options.request_seconds,
        at_a_time=options.max_threads,
        waiting=options.max_waiting,
        connections=options.max_connections,
    )
    LimitedServer(limits, options.http_port, options.grpc_port).start([model])
    return 0


def _parser() -> argparse.ArgumentParser:
    """KServe's flags, and those that name the encoder and limit what a client can do."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[model_server.parser],
        conflict_handler="resolve",
    )
    own = parser.add_argument_group("this server")
    own.add_argument(
        "--saved_model",
        required=True,
        help="a directory that aag-export wrote: a version, or its parent for the newest",
    )
    own.add_argument("--trust_model", action="store_true", help="load the encoder even if it can do more than compute")
    own.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen to (%(default)s: this machine only; 0.0.0.0: all may come)",
    )
    own.add_argument(
        "--max_request_bytes",
        "--grpc_max_receive_message_length",  # KServe's name, which stays
        type=_positive,
        default=16 * 2**20,
        help="bytes of the largest request (%(default)s)",
    )
    own.add_argument("--max_batch", type=_positive, default=256, help="images of the largest request (%(default)s)")
    own.add_argument("--max_threads", type=_positive, default=4, help="requests computed at a time (%(default)s)")
    own.add_argument(
        "--max_waiting", type=_positive, default=32, help="more requests that wait; others are refused (%(default)s)"
    )
    own.add_argument("--max_connections", type=_positive, default=512, help="connections at a time (%(default)s)")
    own.add_argument(
        "--request_seconds", type=_positive, default=30, help="time in which a request must come in (%(default)s)"
    )
    own.add_argument("--workers", type=int, choices=[1], default=1, help="one process; start others on other ports")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return int(text)


def _address(host: str) -> str:
    """Returns the numeric address of a host name of this machine.

    Raises:
        ConfigError: there is no such name.
    """
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"--host={host} is no address ({error}); --host=127.0.0.1 is this machine.") from error


def _check_free(address: str, port: int, flag: str) -> None:
    """Refuses a port that cannot be listened to, before the model is loaded."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind((address, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"{address} port {port} cannot be used ({reason}); choose another --{flag}.") from error


if __name__ == "__main__":
    sys.exit(main())
