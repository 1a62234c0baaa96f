"""KServe's server with an address and with limits: nobody keeps it from answering others, or fills its memory."""

import asyncio
import dataclasses
import gc
import logging
from typing import Any

import kserve
from kserve import model_server
from kserve.constants.constants import FASTAPI_APP_IMPORT_STRING
from kserve.errors import InvalidInput, ModelNotFound
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.server import RESTServer
from typing_extensions import override

from aag_tf.export.serving.admission import BodyGate, Gate
from aag_tf.export.serving.inference_service import grpc_server
from aag_tf.export.serving.patient_http import http_protocol
from aag_tf.utils.text import shown


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What clients can do.

    Args:
        address: numeric address that is listened to.
        request_bytes: of the largest request.
        request_seconds: in which a request must come in.
        at_a_time: requests that are computed at the same time.
        waiting: further requests that wait; others are refused.
        connections: for each of the protocols.
    """

    address: str
    request_bytes: int
    request_seconds: int
    at_a_time: int
    waiting: int
    connections: int


class LimitedServer(kserve.ModelServer):
    """Serves models over both protocols, within limits."""

    def __init__(self, limits: Limits, http_port: int, grpc_port: int) -> None:
        super().__init__(http_port=http_port, grpc_port=grpc_port)
        for handler in (*logging.getLogger("kserve").handlers, *logging.getLogger("kserve.trace").handlers):
            handler.addFilter(_in_a_line)
        self._limits = limits
        self._gate = Gate(limits.at_a_time, limits.waiting, limits.request_bytes)
        self._open_inference: Any = None
        self.dataplane = _DataPlane(model_registry=self.registered_models)
        self.model_repository_extension = _FixedRepository(self.registered_models)

    @override
    def start(self, models: list[kserve.Model]) -> None:
        for model in models:
            model.enable_latency_logging = self.enable_latency_logging
            self.register_model(model)
        self.register_signal_handler()
        gc.freeze()  # what was loaded is not garbage
        asyncio.run(self._serve_both())

    @override
    def stop(self, sig: int) -> None:
        super().stop(sig)
        if self._open_inference is not None:
            self._stopping = asyncio.create_task(self._open_inference.stop(self.grace_period))

    async def _serve_both(self) -> None:
        served = [self._serve_rest()]
        if self.enable_grpc:
            served.append(self._serve_grpc())
        await asyncio.gather(*served)

    async def _serve_rest(self) -> None:
        limits = self._limits
        self._rest_server = RESTServer(
            FASTAPI_APP_IMPORT_STRING,
            self.dataplane,
            self.model_repository_extension,
            self.http_port,
            access_log_format=self.access_log_format,
            grace_period=self.grace_period,
            timeout_keep_alive=self.timeout_keep_alive,
            ssl_certfile=self.ssl_certfile,
            ssl_keyfile=self.ssl_keyfile,
        )
        config = self._rest_server.config
        config.host = limits.address
        config.http = http_protocol(limits.request_seconds)
        config.ws = "none"
        config.limit_concurrency = limits.connections
        model_server.app.add_middleware(BodyGate, gate=self._gate)
        await self._rest_server.start()

    async def _serve_grpc(self) -> None:
        limits = self._limits
        self._open_inference = grpc_server(
            InferenceServicer(self.dataplane, self.model_repository_extension),
            self._gate,
            seconds=limits.request_seconds,
            largest=limits.request_bytes,
            requests=limits.at_a_time + limits.waiting,
            connections=limits.connections,
        )
        host = f"[{limits.address}]" if ":" in limits.address else limits.address
        self._open_inference.add_insecure_port(f"{host}:{self.grpc_port}")
        await self._open_inference.start()
        await self._open_inference.wait_for_termination()


class _DataPlane(DataPlane):
    """KServe's, which takes for granted what it reads."""

    @override
    def decode(self, *args: Any, **named: Any) -> Any:
        # Parsing makes millions of objects and no garbage: looking for it meanwhile would take most of the time.
        gc.disable()
        try:
            return super().decode(*args, **named)
        except InvalidInput:
            raise
        except Exception as error:
            raise InvalidInput(f"the request cannot be read ({error})") from error
        finally:
            gc.enable()


class _FixedRepository(ModelRepositoryExtension):
    """The models that the command line named; a client can neither load nor unload any."""

    @override
    async def load(self, model_name: str) -> None:
        raise InvalidInput("this server loads no models on request")

    @override
    async def unload(self, model_name: str) -> None:
        raise InvalidInput("this server unloads no models on request")


def _in_a_line(record: logging.LogRecord) -> bool:
    """Filter of logging: text of clients moves no cursor and forges no line, and their faults fill no screen."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, InvalidInput | ModelNotFound):
        record.levelno, record.levelname, record.exc_info = logging.INFO, "INFO", None
        record.msg, record.args = f"refused: {error}", ()
    record.msg, record.args = shown(record.getMessage()), ()
    return True
