"""The official binance-sdk-spot, pointed at an exchange."""
from binance_common.configuration import (
    ConfigurationRestAPI, ConfigurationWebSocketAPI, ConfigurationWebSocketStreams)
from binance_sdk_spot.spot import Spot
from life import check


def spot_client(rest_url, key, secret, ws_api_url, streams_url):
    """As anybody would make one; the two that are no defaults keep a test from hiding a fault behind a retry."""
    return Spot(
        config_rest_api=ConfigurationRestAPI(
            api_key=key, api_secret=secret, base_path=rest_url, retries=0, timeout=5000),
        config_ws_api=ConfigurationWebSocketAPI(api_key=key, api_secret=secret, stream_url=ws_api_url),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=streams_url),
    )


def reader(documented):
    """What reads an answer, and what looks through a model: both see that every key is one of the SDK's models, which are made from the venue's own description, or one
    of `documented`, by itself or with its model's name: keys that the venue's documents have and the models lack."""
    def no_extras(model, path="answer"):
        model = getattr(model, "actual_instance", None) or model
        if isinstance(model, list):
            for item in model:
                no_extras(item, path)
        if not hasattr(type(model), "model_fields"):
            return
        for key, value in (getattr(model, "additional_properties", None) or {}).items():
            known = f"{type(model).__name__}.{key}"
            check(key in documented or known in documented, f"{path}: the SDK has no {known}: {value}")
        for name in type(model).model_fields:
            if name != "additional_properties":
                no_extras(getattr(model, name), f"{path}.{name}")

    def data(response):
        answer = response.data()
        no_extras(answer)
        return getattr(answer, "actual_instance", None) or answer

    return data, no_extras
