"""A client of the Open Inference protocol over gRPC; runs in the environment that has KServe.

python benchmarks/open_inference_client.py PORT MODEL IMAGES.npy EMBEDDING.npy
"""

import asyncio
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest


async def main(port: str, model: str, images_file: str, embedding_file: str) -> None:
    images = np.load(images_file)
    inputs = InferInput("images", list(images.shape), "UINT8")
    inputs.set_data_from_numpy(images, binary_data=True)
    client = InferenceGRPCClient(url=f"127.0.0.1:{port}")
    answer = await client.infer(InferRequest(model, infer_inputs=[inputs]))
    (embedding,) = (output for output in answer.outputs if output.name == "embedding")
    np.save(embedding_file, embedding.as_numpy())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
