"""Straight-line scaling with whole numbers."""

from lib.scaling import Scaling


def test_both_ends_and_what_lies_between_and_beyond():
    line = Scaling(400_000, 2_000_000, 0, 100_000)  # 4-20 mA over 100 Ohm to %LEL
    for value, expected in (
        (400_000, 0),
        (400_008, 1),  # half a step rounds up
        (400_007, 0),
        (1_200_000, 50_000),
        (2_000_000, 100_000),
        (2_050_000, 103_125),
        (380_000, -1250),
        (0, -25_000),
    ):
        assert line.apply(value) == expected, (value, line.apply(value))


def test_a_line_that_starts_elsewhere():
    line = Scaling(-50, 50, 1000, 2000)
    assert [line.apply(value) for value in (-50, 0, 50)] == [1000, 1500, 2000]


def test_a_coarse_fraction_stays_small_and_true_to_one_part_in_20000():
    for supply_mv, permille, span_kpa in ((4999, 449, 1601), (5483, 488, 815), (5501, 307, 3989)):
        percent_uv = supply_mv * permille // 100
        line = Scaling(10 * percent_uv, 90 * percent_uv, 0, span_kpa * 1000)
        assert line.numerator * line.denominator < 1 << 30
        top = line.apply(90 * percent_uv)
        assert abs(top - span_kpa * 1000) <= span_kpa // 20, (span_kpa, top)


def test_an_exact_fraction_is_kept_exact():
    line = Scaling(0, 1_800_000, 0, 1_600_000)
    assert (line.numerator, line.denominator) == (8, 9)
