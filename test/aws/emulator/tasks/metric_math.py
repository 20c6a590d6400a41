"""Metric math, as far as alarms of this project use it: arithmetic, comparisons, AND and OR, and the functions below.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html

A value is a number, or a series: a list with a number, or None for a missing data point, for each period.
"""

import ast
import math
import operator
import re

Series = list[float | None]
Value = float | Series


def divide(one: float, other: float) -> float | None:
    """There is no data point where the divisor is 0."""
    return one / other if other else None


OPERATORS = {
    **{ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: divide, ast.Pow: operator.pow},
    **{ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne},
    **{ast.And: lambda one, other: one and other, ast.Or: lambda one, other: one or other, ast.USub: operator.neg, ast.UAdd: operator.pos},
}

# Functions of each data point.
OF_POINTS = {"CEIL": math.ceil, "FLOOR": math.floor, "ABS": abs}

# Functions of a series, whose result is a number, or of several series, whose result is a series: MAX(a), MAX([a, b]).
OF_SERIES = {"MAX": max, "MIN": min, "SUM": sum, "AVG": lambda values: sum(values) / len(values)}

# Spellings of metric math, and what they are in Python, whose parser reads the expression. Its precedence is the same.
SPELLINGS = {r"\bAND\b|&&": " and ", r"\bOR\b|\|\|": " or ", r"\^": "**"}


def evaluate(expression: str, series: dict[str, Series], periods: int) -> Series:
    """The series of an expression. Raises ValueError for what this file lacks."""
    for pattern, replacement in SPELLINGS.items():
        expression = re.sub(pattern, replacement, expression)
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"metric math: {error}") from None
    value = Evaluation(series, periods).of(tree.body)
    return value if isinstance(value, list) else [value] * periods


class Evaluation:
    def __init__(self, series: dict[str, Series], periods: int):
        self.series, self.periods = series, periods

    def of(self, node) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self.series:
                return self.series[name]
            case ast.UnaryOp(op=op, operand=one) if type(op) in OPERATORS:
                return self.each(OPERATORS[type(op)], self.of(one))
            case ast.BinOp(left=one, op=op, right=other) if type(op) in OPERATORS:
                return self.each(OPERATORS[type(op)], self.of(one), self.of(other))
            case ast.Compare(left=one, ops=[op], comparators=[other]) if type(op) in OPERATORS:
                return self.truth(OPERATORS[type(op)], self.of(one), self.of(other))
            case ast.BoolOp(op=op, values=[first, *rest]):
                value = self.of(first)
                for one in rest:
                    value = self.truth(OPERATORS[type(op)], value, self.of(one))
                return value
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self.call(name, arguments)
        raise ValueError(f"metric math: {ast.unparse(node)} is not supported")

    def call(self, name: str, arguments: list) -> Value:
        match name, arguments:
            case "FILL", [one, ast.Name(id="REPEAT")]:
                return self.fill(self.of(one), None)
            case "FILL", [one, other]:
                return self.fill(self.of(one), self.of(other))
            case "IF", [condition, one, other]:
                chosen = zip(*map(self.column, (self.of(condition), self.of(one), self.of(other))))
                return [None if holds is None else yes if holds else no for holds, yes, no in chosen]
            case _, [ast.List(elts=several)] if name in OF_SERIES:
                columns = [self.column(self.of(one)) for one in several]
                rows = [[value for value in row if value is not None] for row in zip(*columns)]
                return [OF_SERIES[name](row) if row else None for row in rows]
            case _, [one] if name in OF_SERIES:
                values = [value for value in self.column(self.of(one)) if value is not None]
                return float(OF_SERIES[name](values)) if values else [None] * self.periods
            case _, [one] if name in OF_POINTS:
                return self.each(OF_POINTS[name], self.of(one))
        raise ValueError(f"metric math: {name} with {len(arguments)} arguments is not supported")

    def fill(self, value: Value, filler: Value | None) -> Value:
        """Fills missing data points. `filler` None: with the data point before. A series without a data point stays empty: CloudWatch
        then finds no such metric, and has no times for which it could fill in a value."""
        column, last = self.column(value), None
        if all(one is None for one in column):
            return column
        filled = []
        for one, instead in zip(column, self.column(filler) if filler is not None else column):
            last = one if one is not None else last if filler is None else instead
            filled.append(last)
        return filled

    def column(self, value: Value) -> Series:
        return value if isinstance(value, list) else [value] * self.periods

    def each(self, function, *operands: Value) -> Value:
        """A data point is missing where one of the operands is missing."""
        if not any(isinstance(one, list) for one in operands) and (value := function(*operands)) is not None:
            return float(value)
        rows = zip(*map(self.column, operands))
        return [None if None in row or (value := function(*row)) is None else float(value) for row in rows]

    def truth(self, function, *operands: Value) -> Value:
        """1 or 0."""
        return self.each(lambda *row: bool(function(*row)), *operands)
