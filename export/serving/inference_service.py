"""KServe's gRPC service with limits, in which a fault of a client is answered as such."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc_interceptor.exceptions import ResourceExhausted
from kserve.errors import InvalidInput
from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor, LoggingInterceptor
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.infer_type import InferRequest

from aag_tf.export.serving.admission import Busy, Gate

SERVICE = "GRPCInferenceService"
INFER = "ModelInfer"
LONGEST_CONNECTION = 600.0  # seconds; the library of a client connects again by itself


def grpc_server(
    servicer: InferenceServicer, gate: Gate, *, seconds: float, largest: int, requests: int, connections: int
) -> Any:
    """Returns a server of Open Inference that has no address yet.

    Args:
        servicer: KServe's.
        gate: requests for inference are parsed and answered when it lets them.
        seconds: within these a client begins to speak gRPC, and ends its requests on a connection that got too old.
        largest: bytes of the largest message.
        requests: largest number of requests at a time, also of those that are still coming in.
        connections: largest number of connections at a time.
    """
    options = [
        ("grpc.max_receive_message_length", largest),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # else a second server gets half of the requests of the first
        ("grpc.server_handshake_timeout_ms", int(1000 * seconds)),
        ("grpc.max_connection_age_ms", int(1000 * LONGEST_CONNECTION)),
        ("grpc.max_connection_age_grace_ms", int(1000 * seconds)),
        ("grpc.max_allowed_incoming_connections", connections),
    ]
    interceptors = (LoggingInterceptor(), ExceptionToStatusInterceptor())
    server = grpc.aio.server(interceptors=interceptors, options=options, maximum_concurrent_rpcs=requests)
    service = messages.DESCRIPTOR.services_by_name[SERVICE]
    handlers = {method.name: _handler(method, servicer, gate) for method in service.methods}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    return server


def _handler(method: Any, servicer: InferenceServicer, gate: Gate) -> grpc.RpcMethodHandler:
    """Returns what answers a method; it parses itself, since gRPC calls what it cannot parse a fault of the server."""
    answer = getattr(servicer, method.name)
    parse = getattr(messages, method.input_type.name).FromString
    infers = method.name == INFER
    handle = _handling(answer, _infer_request if infers else parse, gate.turn if infers else contextlib.nullcontext)
    serialize = getattr(messages, method.output_type.name).SerializeToString
    return grpc.unary_unary_rpc_method_handler(handle, response_serializer=serialize)


def _handling(
    answer: Callable[[Any, Any], Awaitable[Any]],
    parse: Callable[[bytes], Any],
    turn: Callable[[], contextlib.AbstractAsyncContextManager[None]],
) -> Callable[[bytes, Any], Awaitable[Any]]:
    async def handle(request: bytes, context: Any) -> Any:
        try:
            async with turn():
                return await answer(_parsed(parse, request), context)
        except Busy as error:
            raise ResourceExhausted(str(error)) from error

    return handle


def _parsed(parse: Callable[[bytes], Any], request: bytes) -> Any:
    try:
        return parse(request)
    except InvalidInput:
        raise
    except Exception as error:  # of protocol buffers, or of KServe, which takes for granted what it reads
        raise InvalidInput(f"the request cannot be read ({error})") from error


def _infer_request(request: bytes) -> Any:
    message = messages.ModelInferRequest.FromString(request)
    InferRequest.from_grpc(message)  # as KServe does it later, where it would be its own fault
    return message
