"""ElastiCache parameter groups, which moto does not support."""

from moto.core.responses import ActionResult, EmptyResult
from moto.elasticache.responses import ElastiCacheResponse

groups: dict[str, dict] = {}


def name_of(request) -> str:
    return request._get_param("CacheParameterGroupName")


def create(self):
    name = name_of(self)
    group = {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": self._get_param("CacheParameterGroupFamily"),
        "Description": self._get_param("Description") or "",
        "IsGlobal": False,
        "ARN": f"arn:aws:elasticache:{self.region}:{self.current_account}:parametergroup:{name}",
    }
    groups[name] = {"group": group, "values": {}}
    self.elasticache_backend.add_tags_to_resource(group["ARN"], self._get_params().get("Tags", []))
    return ActionResult({"CacheParameterGroup": group})


def modify(self):
    values = self._get_params().get("ParameterNameValues", [])
    groups[name_of(self)]["values"].update({one["ParameterName"]: one["ParameterValue"] for one in values})
    return ActionResult({"CacheParameterGroupName": name_of(self)})


def describe(self):
    found = groups.get(name_of(self))
    return ActionResult({"CacheParameterGroups": [found["group"]] if found else []})


def describe_values(self):
    values = groups[name_of(self)]["values"].items()
    return ActionResult({"Parameters": [{"ParameterName": name, "ParameterValue": value} for name, value in values]})


def delete(self):
    groups.pop(name_of(self), None)
    return EmptyResult()


ElastiCacheResponse.create_cache_parameter_group = create
ElastiCacheResponse.modify_cache_parameter_group = modify
ElastiCacheResponse.describe_cache_parameter_groups = describe
ElastiCacheResponse.describe_cache_parameters = describe_values
ElastiCacheResponse.delete_cache_parameter_group = delete
