"""What the tests of pages share: t-SNE in one thread, since its threads wait for each other when cores are busy."""

import pytest
import threadpoolctl


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    with threadpoolctl.threadpool_limits(1, user_api="openmp"):
        yield
