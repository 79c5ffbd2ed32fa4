"""Why a lead is where it is, in sentences for people who work with leads. Pure; shared by the API and commands."""
