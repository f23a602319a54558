package model

type Place string

const (
	PlaceDesk  = Place("desk")
	PlaceShelf = Place("shelf")
)
