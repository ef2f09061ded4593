"""Writes, for each year, the days that are not as the week says, as two independent packages count them.

Run it in a virtual environment with requirements.txt:

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python days.py
"""

import datetime
import importlib.metadata
import json
import pathlib

import chinese_calendar
import holidays

YEARS = range(2018, 2027)
FOLDER = pathlib.Path(__file__).parent


def write(package, is_worked):
    years = {}
    for year in YEARS:
        off, worked = [], []
        day = datetime.date(year, 1, 1)
        while day.year == year:
            weekend = day.weekday() >= 5
            if is_worked(day) == weekend:
                (worked if weekend else off).append(day.isoformat())
            day += datetime.timedelta(days=1)
        years[year] = {"off": off, "worked": worked}
    counted = {"package": f"{package} {importlib.metadata.version(package)} (PyPI)", "years": years}
    (FOLDER / f"{package}.json").write_text(json.dumps(counted, indent=1) + "\n")


write("chinesecalendar", chinese_calendar.is_workday)
write("holidays", holidays.China(years=YEARS).is_working_day)
